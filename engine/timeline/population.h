// The sensors of a part of a fleet as the entries of a scenario meet them: which are there, what is said of
// each now that earlier entries have changed it, and which entries have reached it. One thread. Owns 8 bytes
// a sensor, 2 more once an entry has set something, and a bit a sensor for each entry that has reached any
// and is remembered (script.h); borrows the script and the roster, which stay. Cannot fail.
//
// A sensor is not there at the start if, of the entries that let sensors join or leave and that its identity
// matches, the first lets it join.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/timestamp.h"
#include "identity/identity.h"
#include "timeline/script.h"
#include "timeline/sensor_set.h"

namespace fleet_sim::timeline {

// What a scenario has made of a sensor, from where the next timeline continues. Entries by their places in
// the script.
struct Past {
  identity::OverlayIndex overlay = 0;
  bool is_there = true;
  std::vector<std::uint32_t> met{};      // entries whose turn is under way and that have met it
  std::vector<std::uint32_t> reached{};  // entries that have reached it, of those that are remembered
  bool has_left = false;                 // at some time, even if it has joined again
  bool comes_back = false;  // only now, and not with an entry: the entries decide anew whether it is there
};
using Pasts = std::vector<std::optional<Past>>;  // none: the sensor is new

class Population {
 public:
  Population(const Script& script, const identity::Roster& roster, std::span<const std::uint32_t> members);
  // As they are at `moment`. Of a sensor that is new, only entries from then on count.
  Population(const Script& script, const identity::Roster& roster, std::span<const std::uint32_t> members,
             Timestamp moment, const Pasts& pasts);

  [[nodiscard]] std::size_t size() const { return members_.size(); }
  [[nodiscard]] std::uint64_t key(std::uint32_t sensor) const { return keys_[sensor]; }  // hash of its id
  [[nodiscard]] bool is_there(std::uint32_t sensor) const { return !absent_.contains(sensor); }
  // Whether an entry has let it leave, even if it has joined again.
  [[nodiscard]] bool has_left(std::uint32_t sensor) const { return left_.contains(sensor); }
  // Whether an entry has set something of any sensor.
  [[nodiscard]] bool has_overlays() const { return !overlays_.empty(); }
  [[nodiscard]] identity::OverlayIndex overlay(std::uint32_t sensor) const {
    return overlays_.empty() ? identity::OverlayIndex{0} : overlays_[sensor];
  }
  [[nodiscard]] identity::Text type(std::uint32_t sensor) const { return roster_[members_[sensor]].type; }
  // As it is now.
  [[nodiscard]] identity::Identity identity(std::uint32_t sensor) const {
    return roster_.shown(members_[sensor], overlay(sensor));
  }

  // The sensors that the entry meets if it begins now.
  [[nodiscard]] SensorSet judge(std::uint32_t entry) const;
  // Whether the sensor is still, or not yet, there, as the entry needs it to be.
  [[nodiscard]] bool is_open_to(std::uint32_t sensor, std::uint32_t entry) const;
  // Of its past, all but what it has met.
  [[nodiscard]] Past past_of(std::uint32_t sensor) const;
  // The sensor is of another identity from now on.
  void rename(std::uint32_t sensor, std::uint32_t member) { members_[sensor] = member; }
  // The entry has reached the sensor.
  void apply(std::uint32_t entry, std::uint32_t sensor, bool fails);

 private:
  [[nodiscard]] SensorSet matching(std::uint32_t entry, const SensorSet& among) const;
  void find_absent(SensorSet undecided, Timestamp since);

  const Script& script_;
  const identity::Roster& roster_;
  std::vector<std::uint32_t> members_;
  std::vector<std::uint64_t> keys_;
  SensorSet everyone_;
  SensorSet absent_;
  SensorSet left_;
  std::vector<identity::OverlayIndex> overlays_;          // by sensor; empty before the first one
  std::unordered_map<std::uint32_t, SensorSet> reached_;  // by entry
};

}  // namespace fleet_sim::timeline
