#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <tbb/task_arena.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "app/commands.h"
#include "app/sources_argument.h"
#include "base/clock.h"
#include "base/nearest.h"
#include "base/plain_text.h"
#include "base/problems.h"
#include "base/text.h"
#include "export/clean_readings.h"
#include "export/export_readings.h"
#include "export/gzip.h"
#include "export/labels.h"
#include "export/layouts.h"
#include "files/new_file.h"
#include "log/console.h"
#include "run/exit_code.h"
#include "status/process.h"

namespace fleet_sim::app {
namespace {

constexpr std::chrono::milliseconds progress_interval{500};

// More would wait for the one thread that writes, and each has three files open at a time.
constexpr unsigned most_threads = 8;

constexpr std::array<std::string_view, 3> label_forms{"windows", "events", "life"};

struct ExportOptions {
  std::vector<std::filesystem::path> sources;
  std::string format = std::string(exports::row_format_names.front());
  std::string labels;  // empty: readings
  std::string layout;  // empty: one file
  bool clean = false;
  std::string out = "-";
  std::string from;
  std::string to;
  std::vector<std::string> types;  // none: all
  data::Selection selection;
};

// ---- where it goes ----

// What a name asks for by its end: gzip, or nothing. The rest is refused, for who reads such a file expects
// it.
bool is_compressed(const std::string& out) {
  const std::string ending = std::filesystem::path(out).extension().string();
  constexpr std::array<std::string_view, 7> others{".zst", ".bz2", ".xz", ".zip", ".lz4", ".br", ".7z"};
  const bool is_gzip = ending == ".gz";
  if (is_gzip && exports::Gzip::is_available()) return true;
  if (!is_gzip && std::ranges::find(others, ending) == others.end()) return false;
  const std::string plain = out.substr(0, out.size() - ending.size());
  throw InvalidInput(fmt::format(
      "--out {}: {}; write {} and compress it afterward, or pipe --out - to a compressor", out,
      is_gzip ? "this fleet-sim was built without zlib" : "export can compress only to .gz", plain));
}

// A file that appears when it is whole; or standard output, a pipe or a device, written as it comes.
class Target {
 public:
  explicit Target(const std::string& out) : name_(out == "-" ? "standard output" : out) {
    if (is_compressed(out)) gzip_.emplace();
    struct stat status {};
    if (out == "-") {
      descriptor_ = STDOUT_FILENO;
    } else if (::stat(out.c_str(), &status) != 0) {
      file_.emplace(out);
    } else if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) {
      throw InvalidInput(out + " already exists and was left alone. Move it away or choose another --out");
    } else {
      descriptor_ = ::open(out.c_str(), O_WRONLY | O_CLOEXEC);
      if (descriptor_ < 0)
        throw std::system_error(errno, std::generic_category(), out + ": cannot be opened");
    }
  }

  void write(std::string_view bytes) { gzip_ ? put(gzip_->add(bytes)) : put(bytes); }

  void finish() {
    if (gzip_) put(gzip_->end());
    if (file_) file_->publish();
  }

  [[nodiscard]] bool is_terminal() const { return !file_ && isatty(descriptor_) == 1; }

 private:
  void put(std::string_view bytes) {
    if (file_) {
      file_->write(bytes);
    } else {
      files::write_all(descriptor_, bytes, name_);
    }
  }

  std::string name_;
  std::optional<exports::Gzip> gzip_;
  std::optional<files::NewFile> file_;
  int descriptor_ = -1;  // closed by the process's end
};

// ---- what is exported ----

template <std::size_t n>
std::size_t index_of(std::string_view option, const std::string& word,
                     const std::array<std::string_view, n>& words) {
  const auto found = std::ranges::find(words, word);
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  throw InvalidInput(fmt::format("{}: {} is not one of {}{}", option, in_quotes(word), fmt::join(words, ", "),
                                 did_you_mean(word, words)));
}

Timestamp moment_of(std::string_view option, const std::string& text, Timestamp otherwise) {
  if (text.empty()) return otherwise;
  if (const auto at = parse_timestamp(text)) return *at;
  throw InvalidInput(fmt::format("{} {}", option, config::must_be_a_time(text)));
}

data::Selection selection_of(const ExportOptions& options) {
  data::Selection selection = options.selection;
  selection.from = moment_of("--from", options.from, selection.from);
  selection.to = moment_of("--to", options.to, selection.to);
  if (selection.from < selection.to) return selection;
  throw InvalidInput(fmt::format("--from must be before --to, which is {}", in_quotes(options.to)));
}

// Without the shards that have nothing of what is asked for.
std::vector<data::SourceShard> shards_in_question(std::vector<data::SourceShard> shards,
                                                  const data::Selection& selection) {
  if (selection.sensors.empty() && selection.locations.empty()) return shards;
  const auto places = data::find_places(shards, selection);
  std::vector<data::SourceShard> kept;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    if (!places[i].empty()) kept.push_back(std::move(shards[i]));
  }
  return kept;
}

std::string write_labels(const std::vector<data::SourceShard>& shards, const data::Selection& selection,
                         std::size_t form, Target& target) {
  const exports::Labels labels = exports::read_labels(shards, selection);
  constexpr std::array texts{exports::windows_json, exports::events_json, exports::life_csv};
  static_assert(texts.size() == label_forms.size());
  target.write(texts[form](labels));
  std::uint64_t count = 0;
  for (const auto& [sensor, of_sensor] : labels) count += of_sensor.size();
  return fmt::format("{} of {}", counted(count, "label"), counted(labels.size(), "sensor"));
}

std::string write_readings(const std::vector<data::SourceShard>& shards, const data::Selection& selection,
                           exports::RowFormat format, const exports::CleanReadings* clean, Target& target) {
  log::Console console(isatty(STDERR_FILENO) == 1 && !target.is_terminal());
  SteadyTime shown = std::chrono::steady_clock::now();
  const auto take = [&](std::string_view lines, const exports::ExportCounts& so_far) {
    target.write(lines);
    const SteadyTime now = std::chrono::steady_clock::now();
    if (now - shown < progress_interval) return;
    shown = now;
    console.show_progress(grouped(so_far.rows) + " rows");
  };
  const exports::ExportCounts counts = exports::export_readings(shards, selection, format, take, clean);
  const std::string left_out =
      counts.left_out == 0 ? ""
                           : fmt::format(" ({} without any value were left out)", grouped(counts.left_out));
  return fmt::format("{} of {}{}", counted(counts.rows, "row"), counted(shards.size(), "shard"), left_out);
}

// Returns what was exported, in words.
std::string write_all_of(const ExportOptions& options, const data::Selection& selection, Target& target) {
  const exports::RowFormat format{
      static_cast<std::uint8_t>(index_of("--format", options.format, exports::row_format_names))};
  const std::size_t form = options.labels.empty() ? 0 : index_of("--labels", options.labels, label_forms);
  const data::Sources sources(options.sources);
  std::vector<data::SourceShard> shards = data::only_types(data::find_source(sources), options.types);
  if (!options.labels.empty()) return write_labels(shards, selection, form, target);
  shards = shards_in_question(std::move(shards), selection);
  std::optional<exports::CleanReadings> clean;
  if (options.clean) clean.emplace(shards, sources.files);
  return write_readings(shards, selection, format, clean ? &*clean : nullptr, target);
}

// `--labels DATA` names no form, so that what follows is the first source.
void find_sources(ExportOptions& options) {
  const bool has_form = std::ranges::find(label_forms, options.labels) != label_forms.end();
  std::error_code ignored;
  if (!options.labels.empty() && !has_form &&
      (options.sources.empty() || std::filesystem::exists(options.labels, ignored))) {
    options.sources.insert(options.sources.begin(), options.labels);
    options.labels = label_forms.front();
  }
  if (options.sources.empty()) throw InvalidInput("PATH is required: the data directory or file to export");
}

// Returns what was exported, in words.
std::string write_series(const ExportOptions& options, const data::Selection& selection) {
  const auto layout =
      static_cast<exports::Layout>(index_of("--layout", options.layout, exports::layout_names));
  if (options.out == "-") throw InvalidInput("--layout writes many files: name a new folder with --out");
  const data::Sources sources(options.sources);
  std::vector<data::SourceShard> shards = data::only_types(data::find_source(sources), options.types);
  shards = shards_in_question(std::move(shards), selection);
  log::Console console(log::Console::can_redraw());
  SteadyTime shown = std::chrono::steady_clock::now();
  const auto progress = [&](std::uint64_t readings) {
    const SteadyTime now = std::chrono::steady_clock::now();
    if (now - shown < progress_interval) return;
    shown = now;
    console.show_progress(grouped(readings) + " readings read");
  };
  const exports::LayoutCounts counts =
      exports::write_layout(shards, selection, layout, options.out, progress);
  const std::string left_out = counts.left_out == 0 ? ""
                                                    : fmt::format(" ({} without anomalous readings left out)",
                                                                  counted(counts.left_out, "sensor"));
  return counted(counts.files, "series", "series") + left_out;
}

int run_export(ExportOptions options) {
  tables::configure_sqlite();
  find_sources(options);
  const SteadyTime begin = std::chrono::steady_clock::now();
  const data::Selection selection = selection_of(options);
  if (!options.layout.empty()) {
    const std::string summary = write_series(options, selection);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    fmt::print(stderr, "exported {} in {}\n", summary, duration_text(taken.count()));
    return static_cast<int>(run::ExitCode::done);
  }
  Target target(options.out);
  tbb::task_arena arena(static_cast<int>(std::min(status::core_count(), most_threads)));
  try {
    const std::string summary = arena.execute([&] { return write_all_of(options, selection, target); });
    target.finish();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    fmt::print(stderr, "exported {} in {}\n", summary, duration_text(taken.count()));
  } catch (const std::system_error& error) {
    // A reader that has seen enough, such as head, is no failure and wants no message.
    if (error.code() != std::errc::broken_pipe) throw;
  }
  return static_cast<int>(run::ExitCode::done);
}

}  // namespace

Command add_export_command(CLI::App& app) {
  const auto options = std::make_shared<ExportOptions>();
  CLI::App* command = app.add_subcommand("export", "Exports readings or labels in order of time");
  add_sources(*command, options->sources);
  command->footer(
      "  fleet-sim export data --format csv --out readings.csv\n"
      "  fleet-sim export data --from 2026-01-01T00:10 --to 2026-01-01T00:20 --sensor OUTDOOR_1\n"
      "  fleet-sim export data --type pump --out pumps.csv\n"
      "  fleet-sim export data --labels windows --out labels.json");
  CLI::Option* format =
      command
          ->add_option("--format", options->format, "csv (the default), ndjson or line-protocol (InfluxDB)")
          ->type_name("csv|ndjson|line-protocol");
  command
      ->add_option("--labels", options->labels,
                   "Export each sensor's anomalies instead, as JSON: windows (the default; time spans as "
                   "in the Numenta Anomaly Benchmark) or events (all that is known of each); or, as CSV, "
                   "life: when sensors that age fail")
      ->type_name("windows|events|life")
      ->expected(0, 1)
      ->default_str(std::string(label_forms.front()))
      ->excludes(format);
  CLI::Option* layout =
      command
          ->add_option(
              "--layout", options->layout,
              "Write a file per series instead, with labels, into the new folder --out names: as in the "
              "Numenta Anomaly Benchmark, TSB-AD or SKAB")
          ->type_name("nab|tsb-ad|skab")
          ->excludes(format)
          ->excludes("--labels");
  command
      ->add_flag("--clean", options->clean,
                 "Beside each channel, write clean_CHANNEL: what it would have read without anomalies")
      ->excludes("--labels")
      ->excludes(layout);
  command
      ->add_option(
          "--out", options->out,
          "New file to write, compressed if its name ends in .gz, or - for standard output (the default)")
      ->type_name("FILE");
  command
      ->add_option("--from", options->from, "Start at this time, such as 2026-01-31 or 2026-01-31T12:30:05Z")
      ->type_name("TIME")
      ->excludes(layout);
  command->add_option("--to", options->to, "Stop before this time")->type_name("TIME")->excludes(layout);
  command->add_option("--type", options->types, "Only sensors of this type; repeatable, except for csv")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command->add_option("--sensor", options->selection.sensors, "Only this sensor; repeatable")
      ->type_name("ID")
      ->allow_extra_args(false);
  command->add_option("--location", options->selection.locations, "Only this location; repeatable")
      ->type_name("TEXT")
      ->allow_extra_args(false);
  return {command, [options] { return run_export(*options); }};
}

}  // namespace fleet_sim::app
