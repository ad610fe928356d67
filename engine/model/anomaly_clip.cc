// A clipped channel does not rise above a limit: the level at the start, lowered by the severity. The
// reference is the limit.
#include <algorithm>

#include "model/anomaly_effect.h"

namespace fleet_sim::model {
namespace {

void lower_limit(Anomaly& anomaly, double level) {
  anomaly.reference = level - *anomaly.magnitude;
}

double clipped(const AffectedReading& reading, double level) {
  return std::min(level, reading.anomaly.reference);
}

}  // namespace

const AnomalyEffect clip_effect{
    .graded = GradedEffect{.needs_onset_level = true, .onset = lower_limit, .level = clipped},
    .fewest_readings = fewest_readings_to_repeat};

}  // namespace fleet_sim::model
