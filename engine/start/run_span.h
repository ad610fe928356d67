// When a run begins and ends in simulated time. Pure; any thread.
#pragma once

#include "base/timestamp.h"
#include "config/config.h"
#include "start/forecast.h"

namespace fleet_sim::start {

// At most the latest timestamp.
Timestamp later(Timestamp moment, double seconds);

// Where the simulated time of a new run begins that is started at `now`: a run without a start of its own
// begins so long ago that it fills its history first or, at speed max, ends now.
Timestamp start_of(const config::Config& config, const Forecast& forecast, Timestamp now);

// The run time counts from the launch, which is where the history ends. The latest timestamp for a run
// without one.
Timestamp end_of(const config::Config& config, Timestamp start);

}  // namespace fleet_sim::start
