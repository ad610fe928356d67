// Noise shakes every channel, in proportion to its value.
#include <cmath>

#include "model/anomaly_effect.h"
#include "model/normal.h"

namespace fleet_sim::model {
namespace {

void begin_noise(Anomaly& anomaly, const Profile& profile, const RandomBlock&) {
  anomaly.magnitude = profile.noise_factor.front();
}

void apply_noise(const AffectedReading& reading, batch::Values& values) {
  for (std::size_t c = 0; c < values.size(); ++c) {
    const double deviation = reading.profile.noise_factor[c] * std::fabs(values[c]);
    values[c] += deviation * standard_normal(reading.noise.channel(c));
  }
}

bool noise_continues(const Profile& was, const Profile& is) {
  return was.noise_factor == is.noise_factor;
}

}  // namespace

const AnomalyEffect noise_effect{
    .begin = begin_noise, .apply = apply_noise, .continues = noise_continues, .draws_noise = true};

}  // namespace fleet_sim::model
