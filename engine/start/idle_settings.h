// Settings of anomalies that somebody has written, and that change nothing, or not what they seem to: a
// severity of anomalies that are relative, a number of anomalies per day where they are not counted by day.
// `check` and the start of a run say so. Pure; main thread.
#pragma once

#include <string>
#include <vector>

#include "start/inputs.h"

namespace fleet_sim::start {

// A line for each, with the place where it was set.
std::vector<std::string> idle_anomaly_settings(const Inputs& inputs);

}  // namespace fleet_sim::start
