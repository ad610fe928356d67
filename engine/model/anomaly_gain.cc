// A wrong gain makes one channel vary too much around its mean, or too little. The magnitude is the share of
// its variation that is added or taken away; the reference is the mean.
#include <algorithm>

#include "model/anomaly_effect.h"

namespace fleet_sim::model {
namespace {

// Of a channel that never changes there is nothing to amplify.
void size_gain(Anomaly& anomaly, const Profile&, const UsualLevel& usual) {
  double share = usual.deviation > 0 ? *anomaly.severity * *anomaly.sigma / usual.deviation : 0;
  if (anomaly.direction < 0) share = std::min(share, 1.0);  // less than nothing would be a mirror image
  anomaly.magnitude = share;
  anomaly.reference = usual.mean;
}

double amplified(const AffectedReading& reading, double level) {
  const Anomaly& gain = reading.anomaly;
  const double factor = 1 + gain.direction * *gain.magnitude * envelope(reading);
  return gain.reference + (level - gain.reference) * factor;
}

}  // namespace

const AnomalyEffect gain_effect{
    .graded = GradedEffect{.has_direction = true, .size = size_gain, .level = amplified},
    .fewest_readings = fewest_readings_to_show};

}  // namespace fleet_sim::model
