// A workload: something fleet-sim does, measured as one figure. Where it fills shard files it is judged by
// loops that insert as many rows (reference.h), and where it fills another sink by one that does only that
// (bare_loops.h), run in the same round. Runs on the main thread; whatever it
// throws ends fleet_bench.
#pragma once

#include <climits>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "reference.h"

namespace fleet_sim::bench {

// Where a workload has its files: `input` keeps what was prepared through all rounds, `output` is empty
// before every measurement.
struct Folders {
  std::filesystem::path input;
  std::filesystem::path output;
};

struct Workload {
  std::string name;
  std::string what;  // for --list, one line
  std::string unit;
  std::function<double(const Folders&)> measure;
  std::function<void(const std::filesystem::path& input)> prepare{};  // once, and not measured
  std::optional<ReferenceLoad> compared{};                            // with the same rows, index and writers
  std::function<double(const Folders&)> bare{};                       // or judged by this loop, in its unit
};

}  // namespace fleet_sim::bench
