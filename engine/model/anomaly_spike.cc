// A spike multiplies one channel by a factor, or divides it; graded, it raises or lowers it.
#include "model/anomaly_effect.h"

namespace fleet_sim::model {
namespace {

void begin_spike(Anomaly& anomaly, const Profile& profile, const RandomBlock& draws) {
  aim_at_one_channel(anomaly, profile, draws);
  anomaly.magnitude = uniform(draws[2], profile.spike_factor.min, profile.spike_factor.max);
}

void apply_spike(const AffectedReading& reading, batch::Values& values) {
  const Anomaly& spike = reading.anomaly;
  double& value = values[index_of(*spike.channel)];
  value = spike.direction > 0 ? value * *spike.magnitude : value / *spike.magnitude;
}

double spiked(const AffectedReading& reading, double level) {
  return level + reading.anomaly.direction * *reading.anomaly.magnitude;
}

}  // namespace

const AnomalyEffect spike_effect{.relative = RelativeEffect{.begin = begin_spike, .apply = apply_spike},
                                 .graded = GradedEffect{.has_direction = true, .level = spiked}};

}  // namespace fleet_sim::model
