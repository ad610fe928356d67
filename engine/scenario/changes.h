// How two scenarios differ, entry by entry. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "scenario/entry.h"

namespace fleet_sim::scenario {

struct EntryChange {
  std::string key;   // "scenario.rollout"
  std::string from;  // the entry as YAML, or "none"
  std::string to;
};

// Entries that changed or came, in the order of `to`, then those that went. If they only stand in another
// order, that is one change, of "scenario".
std::vector<EntryChange> entry_changes(const Entries& from, const Entries& to);

}  // namespace fleet_sim::scenario
