// What is wrong with a scenario once start, sensors and settings of a run are known. Pure; main thread, or
// the one that reloads.
#pragma once

#include <set>
#include <string>

#include "base/timestamp.h"
#include "scenario/entry.h"
#include "start/inputs.h"
#include "timeline/plan.h"

namespace fleet_sim::preview {

// Throws InvalidInput for entries that begin before the run, or before one that they refer to; that would
// move a sensor to another shard; or that say too many different things of sensors.
void check_scenario(const start::Inputs& inputs, const timeline::Plan& plan, Timestamp start);

// The same, and for what no run can carry out yet. A new run would start at `now`.
void check_scenario_to_run(const start::Inputs& inputs, Timestamp now);

// The entries of a running scenario of which nobody knows all the sensors that they have reached, because
// they once stood among too many to remember that of each (timeline/script.h), and no other referred to them.
// A value.
class Forgotten {
 public:
  // The run lives by these entries from now on.
  void follow(const scenario::Entries& entries);
  [[nodiscard]] bool contains(const std::string& entry) const { return names_.contains(entry); }

 private:
  scenario::Entries entries_;  // that it lives by
  std::set<std::string> names_;
};

// The same for one that a running fleet is to go on with, whose entries may have begun earlier. Delivery
// stays on or off.
void check_scenario_of_reload(const config::Config& running, const config::Config& config,
                              const Forgotten& forgotten = {});

}  // namespace fleet_sim::preview
