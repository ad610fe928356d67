// What is wrong with a scenario once start, sensors and settings of a run are known. Pure; main thread, or
// the one that reloads.
#pragma once

#include "base/timestamp.h"
#include "start/inputs.h"
#include "timeline/plan.h"

namespace fleet_sim::preview {

// Throws InvalidInput for entries that begin before the run, or before one that they refer to; that would
// move a sensor to another shard; or that say too many different things of sensors.
void check_scenario(const start::Inputs& inputs, const timeline::Plan& plan, Timestamp start);

// The same, and for what no run can carry out yet. A new run would start at `now`.
void check_scenario_to_run(const start::Inputs& inputs, Timestamp now);

// The same for one that a running fleet is to go on with, whose entries may have begun earlier. Delivery
// stays on or off.
void check_scenario_of_reload(const config::Config& running, const config::Config& config);

}  // namespace fleet_sim::preview
