// The fleet: every sensor of this process, in cohorts, with the profiles they share. Built while starting
// from the roster and the config; afterwards the scheduler alone touches it, one thread per cohort at a time,
// and a reload changes it while no cohort is being ticked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/problems.h"
#include "base/timestamp.h"
#include "config/config.h"
#include "fleet/cohort.h"
#include "fleet/fleet_change.h"
#include "fleet/profile_table.h"
#include "identity/identity.h"
#include "types/catalog.h"

namespace fleet_sim::fleet {

inline constexpr std::size_t most_sensors = 1'000'000;

// Readings that an earlier process of the run delivers late: keys of sensors, and when they arrive.
using LateSeats = std::vector<std::pair<std::uint64_t, Timestamp>>;

class Fleet {
 public:
  Fleet(std::shared_ptr<ProfileTable> profiles, std::vector<Cohort> cohorts, Timestamp start,
        std::uint64_t seed);

  [[nodiscard]] std::vector<Cohort>& cohorts() { return cohorts_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] double readings_per_second() const { return readings_per_second_; }
  [[nodiscard]] const std::shared_ptr<ProfileTable>& profiles() const { return profiles_; }
  // How many readings are due before `until`, by arithmetic alone, those of sensors that have left included.
  [[nodiscard]] std::uint64_t due_before(Timestamp until) const;
  // When the `nth` reading is due, counted from 1 at the start; fewer are due before `from`. The latest
  // timestamp when none is.
  [[nodiscard]] Timestamp moment_of(std::uint64_t nth, Timestamp from) const;

  // Lives through a scenario from its start on. Once, before anything else.
  void follow(std::shared_ptr<const timeline::Script> script);
  // The same at `moment`, before which everything has happened, with what has become of the sensors.
  void go_on(std::shared_ptr<const timeline::Script> script, Timestamp moment, const PastStories& stories);
  // That it lives through, if there is one.
  [[nodiscard]] const std::shared_ptr<const timeline::Script>& script() const { return script_; }

  // Passes over every reading due before `moment`; see Cohort::resume_at.
  void resume_at(Timestamp moment, const PastAnomalies& past, const Lives& lives = {});

  // From the start of the run on, rows arrive like this; see Cohort::deliver.
  void deliver(const scenario::Delivery& usual);
  // What an earlier process of the run leaves behind.
  void resume_delivery(const LateSeats& seats);

  // Carries out a reload at `moment`, before which every reading has been taken. Cohorts may come, go and
  // move.
  void apply(FleetChange& change, Timestamp moment);

 private:
  void count_sensors();
  void seat(std::span<Joiner> joiners, Timestamp moment, const StoryOf& story, const PastStories& pasts);
  void keep_profiles(const std::shared_ptr<ProfileTable>& before);

  std::shared_ptr<ProfileTable> profiles_;  // shared with the reload that works out the next change
  std::vector<std::shared_ptr<ProfileTable>> former_profiles_;  // as long as a reading is held
  std::shared_ptr<const timeline::Script> script_;
  std::vector<Cohort> cohorts_;
  Timestamp start_;
  std::uint64_t seed_;
  std::optional<scenario::Delivery> delivery_;  // none: rows arrive when they are due
  std::uint64_t due_elsewhere_ =
      0;  // of those that left, until then, less what joiners would have had; modulo 2^64
  std::size_t size_ = 0;
  double readings_per_second_ = 0;
};

// Which of `count` partitions, 1 .. count, has the sensor: they are dealt out by a hash of their id, so that
// a partition does not depend on which other sensors there are.
std::uint32_t partition_of(std::string_view id, std::uint32_t count);

// The part of the roster that this process simulates. Indices into the roster, rising.
std::vector<std::uint32_t> partition_members(const identity::Roster& roster, config::Partition partition);

// Checks what only identity and config together can tell: that each sensor's own normal parameters fit the
// config's, and that its type has a channel for the anomalies that the config asks for.
void check_members(const identity::Roster& roster, std::span<const std::uint32_t> members,
                   const config::Config& config, Problems& problems,
                   const types::Catalog& types = *types::built_in_types());

// `writer_of` gives, for each member, the writer that owns its shard. Where a fleet is gone through sensor by
// sensor, each has a cohort of its own.
Fleet build_fleet(const identity::Roster& roster, std::span<const std::uint32_t> members,
                  std::span<const std::uint32_t> writer_of, const config::Config& config, std::uint64_t seed,
                  Timestamp start, std::shared_ptr<const types::Catalog> types = types::built_in_types(),
                  std::size_t most_in_cohort = Cohort::most_sensors);

}  // namespace fleet_sim::fleet
