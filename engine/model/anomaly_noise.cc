// Noise shakes every channel, in proportion to its value; graded, it shakes one, so that the change from one
// reading to the next is `severity` times what it usually is.
#include <cmath>

#include "base/normal.h"
#include "model/anomaly_effect.h"

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

// Variances add up: 1 is there already.
void size_noise(Anomaly& anomaly, const Profile&, const UsualLevel&) {
  const double severity = *anomaly.severity;
  anomaly.magnitude = std::sqrt(severity * severity - 1) * *anomaly.sigma;
}

double shaken(const AffectedReading& reading, double level) {
  const std::size_t channel = index_of(*reading.anomaly.channel);
  return level + *reading.anomaly.magnitude * standard_normal(reading.noise.channel(channel));
}

}  // namespace

const AnomalyEffect noise_effect{
    .relative =
        RelativeEffect{
            .begin = begin_noise, .apply = apply_noise, .continues = noise_continues, .draws_noise = true},
    .graded = GradedEffect{.sigma_of = GradedEffect::SigmaOf::reading,
                           .draws_noise = true,
                           .size = size_noise,
                           .level = shaken}};

}  // namespace fleet_sim::model
