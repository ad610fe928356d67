// How long a reading of a sensor takes on this machine: measured, so it is not the same twice, and a busy
// machine shows more. It takes a few milliseconds. Any thread; cannot fail.
#pragma once

#include <string_view>

#include "base/timestamp.h"
#include "model/profile.h"

namespace fleet_sim::explain {

// Nanoseconds, one reading after the other every `period`, without writing it: the least of several
// measurements.
double measure_reading(const model::Profile& profile, std::string_view location, Microseconds period);

}  // namespace fleet_sim::explain
