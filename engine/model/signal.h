// The normal signal of a sensor: what it reads when nothing is wrong ("Normal reading" in model/README.md).
// Pure; any thread.
#pragma once

#include "base/timestamp.h"
#include "batch/reading.h"
#include "model/draws.h"
#include "model/profile.h"

namespace fleet_sim::model {

// The hour of the local day, 0 <= h < 24, with its fraction.
double local_hour(Timestamp due, Microseconds utc_offset);

// How much of the work-hours rise applies: 0 before 08:00 and after 18:00, 1 from 09:00 to 17:00, and half a
// cosine between.
double work_hours_share(double hour);

// What the time of day adds to a channel on which it acts.
double daily_offset(const Profile& profile, Timestamp due);

// mean + deviation·z, plus the daily cycle and the work-hours rise on the channel that they act on, clamped
// to min .. max. Each z is a draw of its channel's.
batch::Values normal_values(const Profile& profile, Timestamp due, const Draws& draws);

}  // namespace fleet_sim::model
