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

}  // namespace

const AnomalyEffect trend_effect{.begin = begin_trend,
                                 .apply = apply_trend,
                                 .fewest_readings = fewest_readings_to_show,
                                 .strength = {{0.5, "trend_change", "change", "of the value at the end"}}};

}  // namespace fleet_sim::model
