// An offset makes one channel read too high or too low by the same amount. It comes and goes slowly, because
// a sharp step in a smooth channel is easy to find however small it is.
#include "model/anomaly_effect.h"

namespace fleet_sim::model {
namespace {

double offset_by(const AffectedReading& reading, double level) {
  return level + reading.anomaly.direction * *reading.anomaly.magnitude * envelope(reading);
}

}  // namespace

const AnomalyEffect offset_effect{.graded = GradedEffect{.has_direction = true, .level = offset_by},
                                  .fewest_readings = fewest_readings_to_show};

}  // namespace fleet_sim::model
