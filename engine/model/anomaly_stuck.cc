// A stuck channel repeats the value that it had at the start, with fresh white noise if the config says so.
#include "model/anomaly_effect.h"

namespace fleet_sim::model {
namespace {

double held(const AffectedReading& reading, double) {
  const ChannelProfile& channel = reading.profile.channels[index_of(*reading.anomaly.channel)];
  const double noise = reading.profile.keep_noise && channel.is_gauge ? channel.deviation * reading.white : 0;
  return reading.anomaly.reference + noise;
}

}  // namespace

const AnomalyEffect stuck_effect{.graded = GradedEffect{.sigma_of = GradedEffect::SigmaOf::nothing,
                                                        .channels = GradedEffect::Channels::all,
                                                        .needs_onset_level = true,
                                                        .level = held},
                                 .fewest_readings = fewest_readings_to_repeat};

}  // namespace fleet_sim::model
