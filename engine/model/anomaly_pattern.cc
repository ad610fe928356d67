// A pattern sways the channels that the type names for it, temperature and vibration in opposition, in
// proportion to their values.
#include "base/math.h"
#include "model/anomaly_effect.h"

namespace fleet_sim::model {
namespace {

void begin_pattern(Anomaly& anomaly, const Profile& profile, const RandomBlock&) {
  anomaly.magnitude = strength_of(anomaly, profile);
}

void apply_pattern(const AffectedReading& reading, batch::Values& values) {
  const Profile& profile = reading.profile;
  const auto elapsed =
      static_cast<double>((reading.due - reading.anomaly.started_at) % profile.pattern_period);
  const double wave = sine_of_turns(elapsed / static_cast<double>(profile.pattern_period));
  const double amplitude = strength_of(reading.anomaly, profile);
  for (std::size_t c = 0; c < values.size(); ++c)
    values[c] *= 1 + profile.channels[c].pattern * amplitude * wave;
}

bool pattern_continues(const Profile& was, const Profile& is) {
  constexpr std::size_t pattern = index_of(AnomalyType::pattern);
  return was.strength[pattern] == is.strength[pattern] && was.pattern_period == is.pattern_period;
}

}  // namespace

const AnomalyEffect pattern_effect{.begin = begin_pattern,
                                   .apply = apply_pattern,
                                   .continues = pattern_continues,
                                   .lasts_a_period = true,
                                   .strength = {{0.2, "pattern_amplitude", "amplitude", "of the value"}}};

}  // namespace fleet_sim::model
