// Fleets and whole runs for the workloads, always the same ones: `generate`'s default mix with seed 1. Main
// thread; throws what the simulator throws.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

#include "base/timestamp.h"
#include "config/config.h"
#include "identity/identity.h"

namespace fleet_sim::bench {

inline constexpr Timestamp start = 1'767'225'600 * microseconds_per_second;  // 2026-01-01

identity::Roster make_roster(std::size_t sensors);

// A run at full speed; every sensor takes a reading per simulated second.
struct Simulation {
  std::size_t sensors = 1'000;
  std::uint64_t rows = 0;  // due; a few less are written, because of anomalies
  bool unsynced_index = false;
  config::Layout layout = config::Layout::wide;
  std::uint32_t writers = 1;
  config::ShardBy sharding{config::ShardKey::hash, 16};  // of files
  config::SinkSettings sink{};
  Timestamp from = start;
};

// Rows written per second, from planning the shards to the last one closed.
double simulate(const Simulation& simulation, const std::filesystem::path& folder);

}  // namespace fleet_sim::bench
