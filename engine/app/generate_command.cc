#include "app/generate_command.h"

#include <fcntl.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/parallel_pipeline.h>
#include <oneapi/tbb/task_arena.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "base/problems.h"
#include "base/random.h"
#include "identity/identity_file.h"
#include "identity/load_identities.h"

namespace fleet_sim {

namespace {

// ---- sensors ----

std::string padded(std::uint64_t number, std::uint64_t count) {
  constexpr std::size_t least_digits = 6;
  const std::size_t width = std::max(least_digits, std::to_string(count).size());
  std::string digits = std::to_string(number);
  return std::string(width - std::min(width, digits.size()), '0') + digits;
}

// One property of one sensor: each has its own counter, so none depends on how many words another needed.
class Draws {
 public:
  Draws(std::uint64_t seed, std::uint64_t number, std::uint64_t property)
      : block_(draw_block(seed, number, Stream::generate, property)) {}

  // Past the fourth word they repeat: a text with more than three ranges has dependent ones.
  std::uint64_t next() { return block_[used_++ % block_.size()]; }

 private:
  RandomBlock block_;
  std::size_t used_ = 0;
};

template <class Choice>
const Choice& choose(const std::vector<Choice>& choices, std::uint64_t word) {
  double sum = 0;
  for (const Choice& choice : choices) sum += choice.weight;
  double left = uniform(word) * sum;
  const Choice* chosen = nullptr;
  for (const Choice& choice : choices) {
    if (choice.weight <= 0) continue;
    chosen = &choice;
    left -= choice.weight;
    if (left < 0) break;
  }
  return *chosen;
}

std::string with_ranges_drawn(std::string_view text, Draws& draws) {
  std::string drawn;
  while (!text.empty()) {
    const NumberRange range = text.front() == '{' ? range_at(text) : NumberRange{};
    if (range.length == 0) {
      drawn += text.front();
      text.remove_prefix(1);
    } else {
      drawn += std::to_string(range.first + uniform_below(draws.next(), range.last - range.first + 1));
      text.remove_prefix(range.length);
    }
  }
  return drawn;
}

std::string draw_text(const std::vector<MixChoice>& choices, Draws draws) {
  const MixChoice& choice = choose(choices, draws.next());
  return with_ranges_drawn(choice.text, draws);
}

std::string with_number(std::string text, const std::string& number) {
  constexpr std::string_view mark = "{n}";
  const auto at = text.find(mark);
  return at == std::string::npos ? text + number : text.replace(at, mark.size(), number);
}

struct DemoSensor {
  std::string file_name;
  IdentityRecord record;
};

std::vector<DemoSensor> demo_sensors() {
  std::vector<DemoSensor> sensors;
  const auto add = [&](const std::string& file, const std::string& id, const std::string& location,
                       const std::string& manufacturer, const std::string& model,
                       const std::string& firmware) {
    sensors.push_back(
        {file + ".json", {id, "temperature_vibration", location, manufacturer, model, firmware, {}}});
  };
  for (const std::string n : {"1", "2", "3", "4", "5"}) {
    add("factory_old_" + n, "FACTORY_" + n + "_OLD", "Factory A - Line " + n, "SensorTech", "TempVibe-2000",
        "1.3");
  }
  for (const std::string n : {"1", "2", "3", "4", "5"}) {
    add("factory_new_" + n, "FACTORY_" + n + "_NEW", "Factory A - Line " + n, "SensorTech", "TempVibe-2000",
        "1.4");
  }
  for (const std::string n : {"1", "2", "3"}) {
    add("warehouse_" + n, "WAREHOUSE_" + n, "Warehouse B - Section " + n, "DataSense",
        "TempVibe-" + n + "000", "1.3");
  }
  for (const std::string n : {"1", "2"}) {
    add("outdoor_" + n, "OUTDOOR_" + n, "Outdoor - Area " + n, "VibrationPlus", "TempVibe-3000", "1.4");
  }
  return sensors;
}

// What is to be written: sensor `index` (from 0) and the name of its file in a folder.
struct Fleet {
  std::uint64_t size = 0;
  std::function<IdentityRecord(std::uint64_t index)> record;
  std::function<std::string(std::uint64_t index)> file_name;
};

Fleet demo_fleet() {
  const auto sensors = std::make_shared<const std::vector<DemoSensor>>(demo_sensors());
  return {sensors->size(), [sensors](std::uint64_t index) { return (*sensors)[index].record; },
          [sensors](std::uint64_t index) { return (*sensors)[index].file_name; }};
}

Mix chosen_mix(const std::string& mix_file) {
  if (mix_file.empty()) return default_mix();
  Problems problems;
  Mix mix = load_mix(mix_file, problems);
  if (!problems.empty()) throw InvalidInput(problems.text());
  return mix;
}

Fleet drawn_fleet(const GenerateOptions& options) {
  if (options.count < 1 || options.count > most_identities) {
    throw InvalidInput("--count must be from 1 to " + std::to_string(most_identities) + ", not " +
                       std::to_string(options.count));
  }
  const std::uint64_t count = options.count;
  const std::uint64_t seed = options.seed.value_or(1);
  const auto mix = std::make_shared<const Mix>(chosen_mix(options.mix_file));
  return {count, [=](std::uint64_t index) { return generated_identity(*mix, seed, index + 1, count); },
          [=](std::uint64_t index) { return "sensor_" + padded(index + 1, count) + ".json"; }};
}

// ---- files ----

[[noreturn]] void fail(const std::string& path, const std::string& doing, int error) {
  throw std::runtime_error(path + ": " + doing + ": " + std::strerror(error));
}

[[noreturn]] void refuse_to_replace(const std::string& path) {
  throw InvalidInput(
      path + ": exists and holds something else; it is left as it is: move it away or give another --out");
}

void write_all(int descriptor, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const auto written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(path, "cannot be written", errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

// A new file under a hidden temporary name beside its final one. Removed again unless publish() is reached.
class NewFile {
 public:
  explicit NewFile(const std::filesystem::path& path)
      : path_(path.string()),
        temporary_(
            (path.parent_path() / ('.' + path.filename().string() + ".tmp-" + std::to_string(::getpid())))
                .string()) {
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ < 0) fail(path_, "cannot be created", errno);
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!published_) ::unlink(temporary_.c_str());
  }

  void write(std::string_view bytes) { write_all(descriptor_, bytes, path_); }

  // Gives the file its name, unless another one took it meanwhile.
  void publish() {
    if (::close(std::exchange(descriptor_, -1)) != 0) fail(path_, "cannot be written", errno);
    if (!rename_to_new()) fail(path_, "cannot be created", errno);
    published_ = true;
  }

 private:
  [[nodiscard]] bool rename_to_new() const {
    if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) == 0)
      return true;
    // Some network file systems do not know the flag. The name was free when the command began.
    return errno == EINVAL && ::rename(temporary_.c_str(), path_.c_str()) == 0;
  }

  std::string path_;
  std::string temporary_;
  int descriptor_ = -1;
  bool published_ = false;
};

// Compares an existing file with bytes that come in pieces.
class Comparison {
 public:
  // Throws when something other than a readable regular file has the name.
  explicit Comparison(const std::string& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) {
      if (errno != ENOENT) fail(path, "cannot be examined", errno);
      return;
    }
    exists_ = true;
    if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) refuse_to_replace(path);
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor_ < 0) fail(path, "cannot be compared", errno);
  }
  Comparison(const Comparison&) = delete;
  Comparison& operator=(const Comparison&) = delete;
  ~Comparison() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  [[nodiscard]] bool exists() const { return exists_; }

  bool continues_with(std::string_view bytes) { return read(bytes.size()) == bytes; }
  bool ends() { return read(1).empty(); }

 private:
  std::string read(std::size_t bytes) {
    std::string text(bytes, '\0');
    std::size_t filled = 0;
    while (filled < bytes) {
      const auto got = ::read(descriptor_, text.data() + filled, bytes - filled);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      filled += static_cast<std::size_t>(got);
    }
    text.resize(filled);
    return text;
  }

  bool exists_ = false;
  int descriptor_ = -1;
};

void make_folder(const std::filesystem::path& folder) {
  if (folder.empty()) return;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!error && std::filesystem::is_directory(folder)) return;
  throw InvalidInput(folder.string() +
                     ": cannot be used as a folder: " + (error ? error.message() : "it is a file"));
}

// ---- one file per sensor ----

template <class Function>
void for_each_sensor(const Fleet& fleet, const Function& function) {
  constexpr std::uint64_t at_once = 64;
  const oneapi::tbb::blocked_range<std::uint64_t> all(0, fleet.size, at_once);
  oneapi::tbb::parallel_for(all, [&](const auto& range) {
    for (std::uint64_t index = range.begin(); index != range.end(); ++index) function(index);
  });
}

std::string pretty_file(const IdentityRecord& record) {
  std::string text;
  append_pretty_json(text, record);
  return text + '\n';
}

void write_folder(const Fleet& fleet, const std::filesystem::path& folder) {
  make_folder(folder);
  std::vector<char> exists(fleet.size, 0);
  for_each_sensor(fleet, [&](std::uint64_t index) {
    const std::string path = (folder / fleet.file_name(index)).string();
    Comparison present(path);
    if (!present.exists()) return;
    exists[index] = 1;
    if (!present.continues_with(pretty_file(fleet.record(index))) || !present.ends()) refuse_to_replace(path);
  });
  for_each_sensor(fleet, [&](std::uint64_t index) {
    if (exists[index] != 0) return;
    NewFile file(folder / fleet.file_name(index));
    file.write(pretty_file(fleet.record(index)));
    file.publish();
  });
}

// ---- one line per sensor ----

using TakeLines = std::function<void(std::string_view lines)>;

std::string lines_of(const Fleet& fleet, std::uint64_t first, std::uint64_t end) {
  std::string lines;
  for (std::uint64_t index = first; index != end; ++index) {
    append_json_line(lines, fleet.record(index));
    lines += '\n';
  }
  return lines;
}

// Makes slices in parallel and hands them over in order, on one thread at a time.
void for_each_slice(const Fleet& fleet, const TakeLines& take) {
  namespace tbb = oneapi::tbb;
  constexpr std::uint64_t slice = 4'096;  // sensors; about 700 kB
  std::uint64_t next = 0;
  const auto begin_slice = [&](tbb::flow_control& control) {
    if (next == fleet.size) control.stop();
    return std::exchange(next, std::min(next + slice, fleet.size));
  };
  const auto make = [&](std::uint64_t first) {
    return std::make_shared<const std::string>(lines_of(fleet, first, std::min(first + slice, fleet.size)));
  };
  using Lines = std::shared_ptr<const std::string>;
  const auto threads = static_cast<std::size_t>(std::max(1, tbb::this_task_arena::max_concurrency()));
  tbb::parallel_pipeline(
      2 * threads, tbb::make_filter<void, std::uint64_t>(tbb::filter_mode::serial_in_order, begin_slice) &
                       tbb::make_filter<std::uint64_t, Lines>(tbb::filter_mode::parallel, make) &
                       tbb::make_filter<Lines, void>(tbb::filter_mode::serial_in_order,
                                                     [&](const Lines& lines) { take(*lines); }));
}

bool is_already_written(const Fleet& fleet, const std::string& path) {
  Comparison present(path);
  if (!present.exists()) return false;
  for_each_slice(fleet, [&](std::string_view lines) {
    if (!present.continues_with(lines)) refuse_to_replace(path);
  });
  if (!present.ends()) refuse_to_replace(path);
  return true;
}

void write_lines_file(const Fleet& fleet, const std::filesystem::path& path) {
  make_folder(path.parent_path());
  if (is_already_written(fleet, path.string())) return;
  NewFile file(path);
  for_each_slice(fleet, [&](std::string_view lines) { file.write(lines); });
  file.publish();
}

// A reader that went away is an error to report, not a reason to be killed.
class IgnoredBrokenPipe {
 public:
  IgnoredBrokenPipe() : before_(std::signal(SIGPIPE, SIG_IGN)) {}
  IgnoredBrokenPipe(const IgnoredBrokenPipe&) = delete;
  IgnoredBrokenPipe& operator=(const IgnoredBrokenPipe&) = delete;
  ~IgnoredBrokenPipe() { std::signal(SIGPIPE, before_); }

 private:
  void (*before_)(int);
};

void write_standard_output(const Fleet& fleet) {
  const IgnoredBrokenPipe ignored;
  for_each_slice(fleet, [](std::string_view lines) { write_all(STDOUT_FILENO, lines, "standard output"); });
}

void write_fleet(const Fleet& fleet, const std::string& out) {
  const std::filesystem::path path = out;
  if (out.empty()) throw InvalidInput("--out must name a folder, a .jsonl file, or - for standard output");
  if (out == "-") return write_standard_output(fleet);
  if (path.extension() == ".jsonl") return write_lines_file(fleet, path);
  if (path.extension() == ".json") {
    throw InvalidInput("--out " + out + ": write to a .jsonl file, or to a folder with one file per sensor");
  }
  write_folder(fleet, path);
}

}  // namespace

IdentityRecord generated_identity(const Mix& mix, std::uint64_t seed, std::uint64_t number,
                                  std::uint64_t count) {
  // The order of the properties is part of the result: a new one goes to the end.
  const auto draws = [&](std::uint64_t property) { return Draws(seed, number, property); };
  IdentityRecord record;
  record.id = with_number(mix.id, padded(number, count));
  record.location = draw_text(mix.location, draws(0));
  record.manufacturer = draw_text(mix.manufacturer, draws(1));
  record.model = draw_text(mix.model, draws(2));
  record.firmware_version = draw_text(mix.firmware_version, draws(3));
  if (!mix.readings_per_second.empty()) {
    record.overrides.readings_per_second =
        choose(mix.readings_per_second, draws(4).next()).readings_per_second;
  }
  return record;
}

std::vector<IdentityRecord> demo_identities() {
  std::vector<IdentityRecord> records;
  for (DemoSensor& sensor : demo_sensors()) records.push_back(std::move(sensor.record));
  return records;
}

std::vector<std::string> demo_file_names() {
  std::vector<std::string> names;
  for (DemoSensor& sensor : demo_sensors()) names.push_back(std::move(sensor.file_name));
  return names;
}

int generate_command(const GenerateOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  const Fleet fleet = options.demo ? demo_fleet() : drawn_fleet(options);
  write_fleet(fleet, options.out);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  const std::string where = options.out == "-" ? "standard output" : options.out;
  std::fprintf(stderr, "wrote %llu identities to %s in %.2f s\n", static_cast<unsigned long long>(fleet.size),
               where.c_str(), taken.count());
  return 0;
}

}  // namespace fleet_sim
