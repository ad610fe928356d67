// Rosters for tests: sensors by the hundred with little to type.
#pragma once

#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "identity/identity.h"

namespace fleet_sim::test {

inline identity::IdentityRecord identity_of(const std::string& id, const std::string& location = "Office") {
  identity::IdentityRecord record;
  record.id = id;
  record.location = location;
  return record;
}

inline identity::IdentityRecord with_rate(identity::IdentityRecord record, const Rate& rate) {
  record.overrides.rate = rate;
  return record;
}

// `count` sensors "sensor-0", "sensor-1", …
inline identity::Roster roster_of(std::size_t count,
                                  const std::string& type = identity::IdentityRecord().type) {
  identity::Roster roster;
  for (std::size_t i = 0; i < count; ++i) {
    identity::IdentityRecord record = identity_of("sensor-" + std::to_string(i));
    record.type = type;
    roster.add(record);
  }
  return roster;
}

inline identity::Roster roster_of(const std::vector<identity::IdentityRecord>& records) {
  identity::Roster roster;
  for (const identity::IdentityRecord& record : records) roster.add(record);
  return roster;
}

// Every index of the roster.
inline std::vector<std::uint32_t> all_of(const identity::Roster& roster) {
  std::vector<std::uint32_t> members(roster.size());
  std::iota(members.begin(), members.end(), 0u);
  return members;
}

}  // namespace fleet_sim::test
