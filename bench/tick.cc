#include <chrono>
#include <cstdint>
#include <vector>

#include "fleet/fleet.h"
#include "simulation.h"
#include "workloads.h"

namespace fleet_sim::bench {

double tick_rate(const Folders&) {
  constexpr Timestamp end = start + 2'000 * microseconds_per_second;
  const identity::Roster roster = make_roster(1'000);
  const std::vector<std::uint32_t> members = fleet::partition_members(roster, {});
  const std::vector<std::uint32_t> writer_of(members.size(), 0);
  fleet::Fleet fleet = fleet::build_fleet(roster, members, writer_of, config::Config{}, 1, start);
  batch::Batch batch;
  std::uint64_t due = 0;
  const auto began = std::chrono::steady_clock::now();
  for (fleet::Cohort& cohort : fleet.cohorts()) {
    while (cohort.next_due() < end) {
      due += cohort.tick(end, batch).due;
      batch.clear();
    }
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - began;
  return static_cast<double>(due) / elapsed.count();
}

}  // namespace fleet_sim::bench
