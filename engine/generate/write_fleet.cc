#include "generate/write_fleet.h"

#include <fmt/format.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/parallel_pipeline.h>
#include <oneapi/tbb/task_arena.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/problems.h"
#include "files/new_file.h"
#include "identity/identity_json.h"

namespace fleet_sim::generate {
namespace {

// ---- one file per sensor ----

template <class Function>
void for_each_sensor(const PlannedFleet& fleet, const Function& function) {
  constexpr std::uint64_t at_once = 64;
  const oneapi::tbb::blocked_range<std::uint64_t> all(0, fleet.size, at_once);
  oneapi::tbb::parallel_for(all, [&](const auto& range) {
    for (std::uint64_t index = range.begin(); index != range.end(); ++index) function(index);
  });
}

std::string pretty_file(const identity::IdentityRecord& record) {
  std::string text;
  identity::append_pretty_json(text, record);
  return text + '\n';
}

void write_folder(const PlannedFleet& fleet, const std::filesystem::path& folder) {
  files::make_folder(folder);
  std::vector<char> exists(fleet.size, 0);
  for_each_sensor(fleet, [&](std::uint64_t index) {
    const std::string path = (folder / fleet.file_name(index)).string();
    files::PresentFile present(path);
    if (!present.exists()) return;
    exists[index] = 1;
    present.expect(pretty_file(fleet.record(index)));
    present.expect_end();
  });
  for_each_sensor(fleet, [&](std::uint64_t index) {
    if (exists[index] != 0) return;
    files::NewFile file(folder / fleet.file_name(index));
    file.write(pretty_file(fleet.record(index)));
    file.publish();
  });
}

// ---- one line per sensor ----

using TakeLines = std::function<void(std::string_view lines)>;

std::string lines_of(const PlannedFleet& fleet, std::uint64_t first, std::uint64_t end) {
  std::string lines;
  for (std::uint64_t index = first; index != end; ++index) {
    identity::append_json_line(lines, fleet.record(index));
    lines += '\n';
  }
  return lines;
}

// A piece of the file under way. Whoever runs the pipeline owns it, because oneTBB lets go of what is under
// way when something is thrown.
struct Slice {
  std::uint64_t first = 0;
  std::string lines;
};

// Makes slices in parallel and hands them over in order, on one thread at a time.
void for_each_slice(const PlannedFleet& fleet, const TakeLines& take) {
  namespace tbb = oneapi::tbb;
  constexpr std::uint64_t sensors = 4'096;  // of a slice; about 700 kB
  const auto threads = static_cast<std::size_t>(std::max(1, tbb::this_task_arena::max_concurrency()));
  std::vector<Slice> slices(2 * threads);  // they end in order, so the oldest is the one that is free
  std::uint64_t begun = 0;
  const auto begin_slice = [&](tbb::flow_control& control) {
    Slice* slice = &slices[begun % slices.size()];
    slice->first = sensors * begun++;
    if (slice->first >= fleet.size) control.stop();
    return slice;
  };
  const auto make = [&](Slice* slice) {
    slice->lines = lines_of(fleet, slice->first, std::min(slice->first + sensors, fleet.size));
    return slice;
  };
  tbb::parallel_pipeline(slices.size(),
                         tbb::make_filter<void, Slice*>(tbb::filter_mode::serial_in_order, begin_slice) &
                             tbb::make_filter<Slice*, Slice*>(tbb::filter_mode::parallel, make) &
                             tbb::make_filter<Slice*, void>(tbb::filter_mode::serial_in_order,
                                                            [&](const Slice* slice) { take(slice->lines); }));
}

bool is_already_written(const PlannedFleet& fleet, const std::string& path) {
  files::PresentFile present(path);
  if (!present.exists()) return false;
  for_each_slice(fleet, [&](std::string_view lines) { present.expect(lines); });
  present.expect_end();
  return true;
}

void write_lines_file(const PlannedFleet& fleet, const std::filesystem::path& path) {
  files::make_folder(path.parent_path());
  if (is_already_written(fleet, path.string())) return;
  files::NewFile file(path);
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

void write_standard_output(const PlannedFleet& fleet) {
  const IgnoredBrokenPipe ignored;
  for_each_slice(fleet,
                 [](std::string_view lines) { files::write_all(STDOUT_FILENO, lines, "standard output"); });
}

}  // namespace

void write_fleet(const PlannedFleet& fleet, const std::string& out) {
  const std::filesystem::path path = out;
  if (out.empty()) throw InvalidInput("--out must name a folder, a .jsonl file, or - for standard output");
  if (out == "-") return write_standard_output(fleet);
  if (path.extension() == ".jsonl") return write_lines_file(fleet, path);
  if (path.extension() == ".json") {
    throw InvalidInput(
        fmt::format("--out {}: choose a .jsonl file, or a folder for one file per sensor", out));
  }
  write_folder(fleet, path);
}

}  // namespace fleet_sim::generate
