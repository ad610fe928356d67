// One storm: several processes after one another on one data directory, and what they leave behind held
// against a replay of their runs after each of them.
#pragma once

#include <cstdint>
#include <string>

namespace fleet_sim::test {

// What storms came to, to see that they are worth the name.
struct StormTally {
  std::uint64_t processes = 0;
  std::uint64_t killed = 0;
  std::uint64_t power_failures = 0;
  std::uint64_t taken_up = 0;
  std::uint64_t faults = 0;
  std::uint64_t rows = 0;
  std::uint64_t rows_lost = 0;
  std::uint64_t rows_skipped = 0;
  std::uint64_t reloads = 0;
  std::uint64_t files_removed = 0;

  [[nodiscard]] std::string text() const;
};

// Whether the storm of a seed is about a sink that is no database (support/fake_sink.h).
bool is_about_fake_sink(std::uint64_t seed);

// What is wrong with the engine; empty when nothing was found.
std::string storm(std::uint64_t seed, StormTally& tally);

}  // namespace fleet_sim::test
