// The fleet: every sensor of this process, in cohorts, with the profiles they share. Built while starting
// from the roster and the config; afterwards the scheduler alone touches it, one thread per cohort at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string_view>
#include <vector>

#include "base/problems.h"
#include "base/timestamp.h"
#include "config/config.h"
#include "fleet/cohort.h"
#include "identity/identity.h"
#include "model/profile.h"

namespace fleet_sim {

inline constexpr std::size_t most_sensors = 1'000'000;

class Fleet {
 public:
  Fleet(std::deque<Profile> profiles, std::vector<Cohort> cohorts);

  [[nodiscard]] std::vector<Cohort>& cohorts() { return cohorts_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] double readings_per_second() const { return readings_per_second_; }
  [[nodiscard]] std::size_t profile_count() const { return profiles_.size(); }
  [[nodiscard]] std::uint64_t due_before(Timestamp until) const;

  // Passes over every reading due before `moment`; see Cohort::go_on_at.
  void go_on_at(Timestamp moment, const PastAnomalies& past);

 private:
  std::deque<Profile> profiles_;  // a deque, because sensors point into it
  std::vector<Cohort> cohorts_;
  std::size_t size_ = 0;
  double readings_per_second_ = 0;
};

// Which of `count` partitions, 1 .. count, has the sensor: they are dealt out by a hash of their id, so that
// a partition does not depend on which other sensors there are.
std::uint32_t partition_of(std::string_view id, std::uint32_t count);

// The part of the roster that this process simulates. Indices into the roster, rising.
std::vector<std::uint32_t> partition_members(const Roster& roster, Partition partition);

// The rate of one sensor: its own, or the config's.
double rate_of(const Roster& roster, const Identity& identity, const Config& config);

// What the profile of one sensor is resolved from. Borrows the roster.
ProfileSource profile_source(const Roster& roster, const Identity& identity, const Config& config);

// Checks what only identity and config together can tell: that each sensor's own normal parameters fit the
// config's.
void check_members(const Roster& roster, std::span<const std::uint32_t> members, const Config& config,
                   Problems& problems);

// `writer_of` gives, for each member, the writer that owns its shard.
Fleet build_fleet(const Roster& roster, std::span<const std::uint32_t> members,
                  std::span<const std::uint32_t> writer_of, const Config& config, std::uint64_t seed,
                  Timestamp start);

}  // namespace fleet_sim
