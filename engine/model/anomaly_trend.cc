// A trend lets one channel drift, from nothing at its start to the full change at its end.
#include "model/anomaly_effect.h"

namespace fleet_sim::model {
namespace {

void begin_trend(Anomaly& anomaly, const Profile& profile, const RandomBlock& draws) {
  aim_at_one_channel(anomaly, profile, draws);
  anomaly.magnitude = strength_of(anomaly, profile);
}

void apply_trend(const AffectedReading& reading, batch::Values& values) {
  const Anomaly& trend = reading.anomaly;
  const double change = *trend.magnitude * progress(reading);
  values[index_of(*trend.channel)] *= trend.direction > 0 ? 1 + change : 1 - change;
}

double drifted(const AffectedReading& reading, double level) {
  return level + reading.anomaly.direction * *reading.anomaly.magnitude * progress(reading);
}

}  // namespace

const AnomalyEffect trend_effect{
    .relative = RelativeEffect{.begin = begin_trend,
                               .apply = apply_trend,
                               .strength = {{0.5, "trend_change", "change", "of the value at the end"}}},
    .graded = GradedEffect{.has_direction = true, .level = drifted},
    .fewest_readings = fewest_readings_to_show};

}  // namespace fleet_sim::model
