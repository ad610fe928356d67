// Runs of the real fleet, without files and without waiting: build_fleet and Cohort::tick, as the scheduler
// does it. Cohorts are small and ticked side by side; a sensor belongs to one cohort, so what a test keeps
// per sensor has one writer, and adding it up in the order of the sensors gives the same result for any
// number of threads.
#pragma once

#include <oneapi/tbb/parallel_for.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "fleet/fleet.h"
#include "fleet/profile_table.h"
#include "statistics/spec.h"
#include "support/rosters.h"

namespace fleet_sim::statistics {

inline constexpr Timestamp run_start = 1'772'340'000'654'321;  // 2026-03-01T04:40, on no round second
inline constexpr Microseconds one_day = 24 * 3'600 * microseconds_per_second;
inline constexpr Microseconds one_hour = 3'600 * microseconds_per_second;

// How many times the usual number of sensors or readings is looked at: FLEET_SIM_STATISTICS_SCALE, 1 by
// default.
inline std::size_t scale() {
  const char* text = std::getenv("FLEET_SIM_STATISTICS_SCALE");
  return text ? static_cast<std::size_t>(std::max(1, std::atoi(text))) : 1;
}

// `per_kind` sensors of every kind.
inline identity::Roster roster_of_kinds(std::size_t per_kind) {
  identity::Roster roster;
  for (std::size_t i = 0; i < per_kind * kind_count; ++i) roster.add(identity_of(kind_of(i), i));
  return roster;
}

inline identity::Roster roster_of_one_kind(const Kind& kind, std::size_t count) {
  identity::Roster roster;
  for (std::size_t i = 0; i < count; ++i) roster.add(identity_of(kind, i));
  return roster;
}

inline config::Config config_with_period(double seconds) {
  config::Config config;
  config.simulation.rate = 1 / seconds;
  return config;
}

struct Run {
  const identity::Roster& roster;
  config::Config config;
  std::uint64_t seed;
  Microseconds duration;
};

inline fleet::Fleet fleet_of(const Run& run) {
  constexpr std::uint32_t sensors_per_cohort = 64;
  const std::vector<std::uint32_t> members = test::all_of(run.roster);
  std::vector<std::uint32_t> writer_of = members;  // a cohort has one writer
  for (std::uint32_t& writer : writer_of) writer /= sensors_per_cohort;
  return fleet::build_fleet(run.roster, members, writer_of, run.config, run.seed, run_start,
                            fleet::types_under(run.config, types::built_in_types()));
}

// Calls look(batch) for all batches of all cohorts, those of one cohort in order and on one thread at a time.
// Returns the readings that were due.
template <class Look>
std::uint64_t run_fleet(const Run& run, const Look& look) {
  fleet::Fleet fleet = fleet_of(run);
  const Timestamp until = run_start + run.duration;
  std::vector<std::uint64_t> due(fleet.cohorts().size());
  tbb::parallel_for(std::size_t{0}, due.size(), [&](std::size_t c) {
    fleet::Cohort& cohort = fleet.cohorts()[c];
    batch::Batch batch;
    while (cohort.next_due() < until) {
      due[c] += cohort.tick(until, batch).due;
      look(batch);
      batch.clear();
    }
  });
  return std::accumulate(due.begin(), due.end(), std::uint64_t{0});
}

}  // namespace fleet_sim::statistics
