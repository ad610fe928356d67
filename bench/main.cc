// fleet_bench: named workloads, each measured over interleaved rounds and given as median, spread and ratio
// to the reference of the same round. Speed is measured here and nowhere in the tests.
//
//   fleet_bench            every workload
//   fleet_bench e2e tick   those
//
//   tick      cohorts only: draw, decide, fill batches, on one thread
//   e2e       the whole way from cohort to closed shard files: 1,000 sensors, 16 shards, one writer, no index
//   e2e_index the same with the collector's index
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "app/console.h"
#include "app/generate_command.h"
#include "app/simulator.h"
#include "app/stop_signals.h"
#include "config/mix.h"
#include "fleet/fleet.h"
#include "reference.h"

namespace fleet_sim::bench {
namespace {

constexpr int rounds = 5;
constexpr std::size_t sensors = 1'000;
constexpr std::size_t rows = 2'000'000;
constexpr Timestamp start = 1'767'225'600 * microseconds_per_second;  // 2026-01-01

Roster make_roster() {
  Roster roster;
  const Mix mix = default_mix();
  for (std::uint64_t number = 1; number <= sensors; ++number)
    roster.add(generated_identity(mix, 1, number, sensors));
  return roster;
}

double tick_rows_per_second() {
  const Roster roster = make_roster();
  const std::vector<std::uint32_t> members = partition_members(roster, {});
  const std::vector<std::uint32_t> writer_of(members.size(), 0);
  Fleet fleet = build_fleet(roster, members, writer_of, Config{}, 1, start);
  const Timestamp end = start + static_cast<Microseconds>(rows / sensors) * microseconds_per_second;
  Batch batch;
  std::uint64_t due = 0;
  const auto began = std::chrono::steady_clock::now();
  for (Cohort& cohort : fleet.cohorts()) {
    while (cohort.next_due() < end) {
      due += cohort.tick(end, batch).due;
      batch.clear();
    }
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - began;
  return static_cast<double>(due) / elapsed.count();
}

double e2e_rows_per_second(const std::filesystem::path& folder, bool unsynced_index, std::uint32_t writers) {
  Inputs inputs;
  inputs.config.clock.speed.max = true;
  inputs.config.clock.start = start;
  inputs.config.simulation.run_time_seconds = static_cast<double>(rows / sensors);
  inputs.config.simulation.seed = 1;
  inputs.config.sharding = {ShardKey::hash, 16};
  inputs.config.database.data_dir = folder.string();
  inputs.config.database.writers = writers;
  inputs.config.database.unsynced_index = unsynced_index;
  inputs.config.logging.quiet = true;
  inputs.identities.roster = make_roster();
  inputs.members = partition_members(inputs.identities.roster, {});
  Console console(false);
  const auto log = std::make_shared<spdlog::logger>("silent");
  const auto began = std::chrono::steady_clock::now();
  Simulator simulator(std::move(inputs), console, log);
  StopSignals signals;
  simulator.drive(signals);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - began;
  return static_cast<double>(rows) / elapsed.count();
}

// A measurement in a folder of its own, which is gone afterwards.
double in_fresh_folder(const std::function<double(const std::filesystem::path&)>& measure) {
  const std::filesystem::path folder = std::filesystem::current_path() / "fleet_bench.tmp";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const double result = measure(folder);
  std::filesystem::remove_all(folder);
  return result;
}

struct Workload {
  std::string name;
  std::function<double()> measure;
  std::function<double()> bind{};  // R_bind and R_best for the same rows; none: there is nothing to compare with
  std::function<double()> best{};
};

Workload end_to_end(const std::string& name, bool index, std::uint32_t writers) {
  const auto here = [](auto measure) { return [measure] { return in_fresh_folder(measure); }; };
  const ReferenceLoad load{rows, index, writers};
  return {name, here([=](const auto& folder) { return e2e_rows_per_second(folder, index, writers); }),
          here([=](const auto& folder) { return bind_rows_per_second(folder, {rows, index, 1}); }),
          here([=](const auto& folder) { return best_rows_per_second(folder, load); })};
}

std::vector<Workload> workloads() {
  return {{"tick", tick_rows_per_second},
          end_to_end("e2e", false, 1),
          end_to_end("e2e_index", true, 1),
          end_to_end("e2e_3", false, 3),
          end_to_end("e2e_3_index", true, 3)};
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void measure(const Workload& workload) {
  std::vector<double> results;
  std::vector<double> to_bind;
  std::vector<double> to_best;
  for (int round = 0; round < rounds; ++round) {
    const double bind = workload.bind ? workload.bind() : 0;
    results.push_back(workload.measure());
    const double best = workload.best ? workload.best() : 0;
    to_bind.push_back(results.back() / bind);
    to_best.push_back(results.back() / best);
  }
  const auto [low, high] = std::minmax_element(results.begin(), results.end());
  std::printf("%-12s %12.0f rows/s  (%.0f .. %.0f)", workload.name.c_str(), median(results), *low, *high);
  if (workload.bind) std::printf("  %.2f x R_bind  %.2f x R_best", median(to_bind), median(to_best));
  std::printf("\n");
  std::fflush(stdout);
}

int run(const std::vector<std::string_view>& wanted) {
  configure_sqlite();
  for (const Workload& workload : workloads()) {
    const bool chosen =
        wanted.empty() || std::find(wanted.begin(), wanted.end(), workload.name) != wanted.end();
    if (chosen) measure(workload);
  }
  return 0;
}

}  // namespace
}  // namespace fleet_sim::bench

int main(int argc, char** argv) {
  return fleet_sim::bench::run({argv + 1, argv + argc});
}
