// What a reloaded config changes, key by key: which keys take effect in a running process, which only after a
// restart, and what the running config becomes. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "config/config_keys.h"

namespace fleet_sim::config {

struct ConfigChange {
  // A key of the table, one effect such as behaviors.firmware."1.4".probability, one field of a type such as
  // types.pump.channels.flow.white, or an entry of a scenario such as scenario.rollout.
  std::string key;
  std::string from;
  std::string to;
  bool at_once = false;  // else after a restart
};

// In the order of the table, then the behaviors, all of which apply at once, then the declared types, then
// the scenario. Values are compared, not how they were written; a secret that changed is a change, but its
// values are not in it.
std::vector<ConfigChange> config_changes(const Config& from, const Config& to);

// Marks those changes that wait although each of them alone would not: `adopted` has no such type as `wanted`
// yet, because an earlier change of it waits for a restart.
void mark_waiting(std::vector<ConfigChange>& changes, const Config& adopted, const Config& wanted);

// `running` with everything in `wanted` that applies at once.
Config adopt(const Config& running, const Config& wanted);

// "anomalies.probability 0.05 -> 0.2"
std::string change_text(const ConfigChange& change);

}  // namespace fleet_sim::config
