#include <atomic>
#include <chrono>

#include "report/report.h"
#include "simulation.h"
#include "workloads.h"

namespace fleet_sim::bench {

void prepare_shards(const std::filesystem::path& input) {
  simulate({.rows = 5'000'000, .unsynced_index = true}, input);
}

double report_rate(const Folders& folders) {
  const auto began = std::chrono::steady_clock::now();
  report::ReadProgress progress;
  const report::Report report = report::make_report(folders.input, progress);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - began;
  return static_cast<double>(report.total.readings) / elapsed.count();
}

}  // namespace fleet_sim::bench
