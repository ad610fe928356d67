#include <fmt/format.h>
#include <fmt/ranges.h>
#include <tbb/task_arena.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/commands.h"
#include "app/output.h"
#include "app/sources_argument.h"
#include "base/clock.h"
#include "base/problems.h"
#include "base/text.h"
#include "data/data_directory.h"
#include "data/source.h"
#include "files/csv_reader.h"
#include "log/console.h"
#include "run/exit_code.h"
#include "score/score.h"
#include "tables/database.h"

namespace fleet_sim::app {
namespace {

struct ScoreCommandOptions {
  std::vector<std::filesystem::path> sources;
  std::string detections;
  std::string baseline;
  std::vector<std::string> map;
  std::optional<double> threshold;
  std::size_t buffer = 100;
  bool json = false;
  std::string html;  // file, or - for standard output
};

// Shows on a terminal, and only there, how far it has come.
class ScoreProgress {
 public:
  ScoreProgress() : console_(log::Console::can_redraw()) {}

  void operator()(std::string_view what, std::uint64_t done) {
    const SteadyTime now = std::chrono::steady_clock::now();
    if (now - shown_ < std::chrono::milliseconds(500)) return;
    shown_ = now;
    console_.show_progress(fmt::format("{} {}", grouped(done), what));
  }

 private:
  log::Console console_;
  SteadyTime shown_ = std::chrono::steady_clock::now();
};

score::Truth read_truth(const std::vector<data::SourceShard>& shards, bool with_values,
                        ScoreProgress& progress) {
  return {shards, {.with_values = with_values}, [&](std::uint64_t readings) {
            progress("readings read", readings);
          }};
}

score::Verdict score_file(const ScoreCommandOptions& options, const std::vector<data::SourceShard>& shards,
                          const score::ScoreOptions& how, ScoreProgress& progress) {
  score::ColumnNames names;
  for (const std::string& name : options.map) score::add_column_name(names, name);
  files::CsvReader csv(options.detections);
  score::DetectionReader detections(csv, names);
  const score::Truth truth = read_truth(shards, false, progress);
  score::Verdict verdict = score::score_detections(truth, detections, how, std::ref(progress));
  verdict.detector = csv.name();
  return verdict;
}

score::Verdict score_line(const score::Baseline& baseline, const std::vector<data::SourceShard>& shards,
                          const score::ScoreOptions& how, ScoreProgress& progress) {
  const score::Truth truth = read_truth(shards, true, progress);
  score::Verdict verdict = score::score_baseline(truth, baseline, how, std::ref(progress));
  verdict.detector = fmt::format("baseline {}", baseline.name);
  return verdict;
}

std::vector<std::string_view> baseline_names() {
  std::vector<std::string_view> names;
  for (const score::Baseline& baseline : score::baselines) names.push_back(baseline.name);
  return names;
}

const score::Baseline& baseline_named(const std::string& name) {
  const auto found = std::ranges::find(score::baselines, name, &score::Baseline::name);
  if (found != score::baselines.end()) return *found;
  throw InvalidInput(fmt::format("--baseline must be {}, not '{}'", fmt::join(baseline_names(), ", "), name));
}

score::Verdict score_sources(const ScoreCommandOptions& options) {
  const score::ScoreOptions how{options.threshold, options.buffer, !options.html.empty()};
  const score::Baseline* baseline = options.baseline.empty() ? nullptr : &baseline_named(options.baseline);
  const data::Sources sources(options.sources);
  const std::vector<data::SourceShard> shards = data::find_source(sources);
  ScoreProgress progress;
  score::Verdict verdict = baseline == nullptr ? score_file(options, shards, how, progress)
                                               : score_line(*baseline, shards, how, progress);
  verdict.run = sources.text;
  return verdict;
}

int score_command(const ScoreCommandOptions& options) {
  tables::configure_sqlite();
  if (options.detections.empty() && options.baseline.empty()) {
    throw InvalidInput(
        "--detections FILE is required: what your detector says, as CSV; or choose one of ours with "
        "--baseline");
  }
  if (!options.html.empty()) check_page_place(options.html, score::score_page_head);
  const score::Verdict verdict = score_sources(options);
  if (!options.html.empty()) {
    write_page(options.html, score::verdict_html(verdict), score::score_page_head, "scores");
    return static_cast<int>(run::ExitCode::done);
  }
  print(options.json ? score::verdict_json(verdict) : fitted(score::verdict_text(verdict), output_columns()));
  return static_cast<int>(run::ExitCode::done);
}

}  // namespace

Command add_score_command(CLI::App& app) {
  const auto options = std::make_shared<ScoreCommandOptions>();
  CLI::App* command =
      app.add_subcommand("score", "Scores an anomaly detector against what a run says was wrong");
  add_sources(*command, options->sources)->required();
  command->footer(
      "  fleet-sim score data --detections detections.csv\n"
      "  fleet-sim score data --detections - --map sensor_id=device --map score=anomaly_score --json\n"
      "  fleet-sim score data --baseline moving --html scores.html\n"
      "Memory: 200 MB, 300 bytes a sensor, 100 bytes an event, and 300 MB for a million readings and\n"
      "rows of detections at a time, or more if one sensor has more than a million. All others are\n"
      "sorted in a temporary file in $TMPDIR: 24 bytes a reading (with --baseline 8 more for each\n"
      "value), 48 a row of detections.");
  CLI::Option* detections =
      command
          ->add_option(
              "--detections", options->detections,
              "CSV with a header, or - for standard input: sensor_id, timestamp and score or flag "
              "(readings that are not mentioned score 0), or sensor_id, started_at and ended_at; in any "
              "order, times as text with any offset or in s, ms, µs or ns since 1970")
          ->type_name("FILE");
  command->add_option("--map", options->map, "A column that has another name in the file; repeatable")
      ->type_name("OURS=THEIRS")
      ->allow_extra_args(false);
  command
      ->add_option(
          "--baseline", options->baseline,
          "Score a detector of one line instead: distance from the median, largest step to a neighbor, "
          "deviation from the 256 readings before, change of variance, or length of runs of one value")
      ->type_name(fmt::format("{}", fmt::join(baseline_names(), "|")))
      ->excludes(detections)
      ->excludes("--map");
  command
      ->add_option("--threshold", options->threshold,
                   "Flag what scores this much (by default the threshold with the best F1)")
      ->type_name("SCORE");
  command->add_option("--buffer", options->buffer, "Readings around an anomaly that VUS-PR tolerates (100)")
      ->check(CLI::Range(0, 10'000))
      ->type_name("N");
  CLI::Option* json = command->add_flag("--json", options->json, "Print JSON");
  command->add_option("--html", options->html, "Write a page with plots to FILE, or - for standard output")
      ->type_name("FILE")
      ->excludes(json);
  return {command, [options] { return score_command(*options); }};
}

}  // namespace fleet_sim::app
