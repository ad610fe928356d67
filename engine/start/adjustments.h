// Where readings will not be what the config seems to say: anomalies of slow sensors that last longer,
// because fewer readings would not show them, anomalies that start less often, because more do not fit into a
// day, or never, because a type has no channel for them, and channels of which many normal readings lie
// beyond min or max. `check` prints them. Pure; main thread.
#pragma once

#include <string>
#include <vector>

#include "start/inputs.h"

namespace fleet_sim::start {

// One line for each, with the number of the process's sensors that it is about, and one of them.
std::vector<std::string> find_adjustments(const Inputs& inputs);

}  // namespace fleet_sim::start
