// The sensors of a process as the entries of a scenario meet them: which are there, what is said of each now
// that earlier entries have changed it, and which entries have reached it. One thread. Owns a few bytes a
// sensor for what some entry can change, and a bit a sensor for each entry that another refers to; borrows
// the plan, the roster and the members, which stay. Cannot fail.
//
// A sensor is not there at the start if, of the entries that let sensors join or leave and that its identity
// matches, the first lets it join.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "identity/identity.h"
#include "timeline/plan.h"
#include "timeline/sensor_set.h"

namespace fleet_sim::timeline {

// What `set` can change.
enum class Settable : std::uint8_t { location, manufacturer, model, firmware_version };
inline constexpr std::size_t settable_count = 4;

// The text that the verb gives it; empty: it leaves that alone.
std::string_view set_text(const scenario::Set& set, Settable what);

class Population {
 public:
  Population(const Plan& plan, const identity::Roster& roster, std::span<const std::uint32_t> members);

  [[nodiscard]] std::size_t size() const { return members_.size(); }
  [[nodiscard]] std::uint64_t key(std::uint32_t sensor) const { return keys_[sensor]; }  // hash of its id
  [[nodiscard]] bool is_there(std::uint32_t sensor) const { return !absent_.contains(sensor); }
  [[nodiscard]] std::string_view text(std::uint32_t sensor, Settable what) const;

  // The sensors that the entry meets if it begins now.
  [[nodiscard]] SensorSet judge(std::uint32_t entry) const;
  // Whether the sensor is still, or not yet, there, as the entry needs it to be.
  [[nodiscard]] bool is_open_to(std::uint32_t sensor, std::uint32_t entry) const;
  // The entry has reached the sensor.
  void apply(std::uint32_t entry, std::uint32_t sensor, bool fails);

 private:
  class Test;

  [[nodiscard]] const identity::Identity& identity(std::uint32_t sensor) const {
    return roster_[members_[sensor]];
  }
  [[nodiscard]] SensorSet matching(std::uint32_t entry, const SensorSet& among) const;
  void find_absent();

  const Plan& plan_;
  const identity::Roster& roster_;
  std::span<const std::uint32_t> members_;
  std::vector<std::uint64_t> keys_;
  SensorSet everyone_;
  SensorSet absent_;
  // By sensor: 1 + the entry that set it last; 0: none. Empty where no entry sets it.
  std::array<std::vector<std::uint32_t>, settable_count> set_by_;
  std::vector<SensorSet> reached_;  // by entry; of no members where no other refers to it
  std::vector<bool> is_followed_;   // by entry: whether one does
};

}  // namespace fleet_sim::timeline
