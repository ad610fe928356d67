// A pattern sways the channels that the type names for it, temperature and vibration in opposition, in
// proportion to their values; graded, it sways one channel.
#include "base/math.h"
#include "model/anomaly_effect.h"

namespace fleet_sim::model {
namespace {

// -1 to 1, along a sine.
double wave(const AffectedReading& reading, Microseconds period) {
  const auto elapsed = static_cast<double>((reading.due - reading.anomaly.started_at) % period);
  return sine_of_turns(elapsed / static_cast<double>(period));
}

void begin_pattern(Anomaly& anomaly, const Profile& profile, const RandomBlock&) {
  anomaly.magnitude = strength_of(anomaly, profile);
}

void apply_pattern(const AffectedReading& reading, batch::Values& values) {
  const Profile& profile = reading.profile;
  const double sway = wave(reading, profile.pattern_period);
  const double amplitude = strength_of(reading.anomaly, profile);
  for (std::size_t c = 0; c < values.size(); ++c)
    values[c] *= 1 + profile.channels[c].pattern * amplitude * sway;
}

bool pattern_continues(const Profile& was, const Profile& is) {
  constexpr std::size_t pattern = index_of(AnomalyType::pattern);
  return was.strength[pattern] == is.strength[pattern] && was.pattern_period == is.pattern_period;
}

// The reference is the period.
void size_pattern(Anomaly& anomaly, const Profile& profile, const UsualLevel&) {
  anomaly.magnitude = *anomaly.severity * *anomaly.sigma;
  anomaly.reference = static_cast<double>(profile.pattern_period);
}

double swayed(const AffectedReading& reading, double level) {
  const auto period = static_cast<Microseconds>(reading.anomaly.reference);
  return level + *reading.anomaly.magnitude * wave(reading, period) * envelope(reading);
}

}  // namespace

const AnomalyEffect pattern_effect{
    .relative = RelativeEffect{.begin = begin_pattern,
                               .apply = apply_pattern,
                               .continues = pattern_continues,
                               .strength = {{0.2, "pattern_amplitude", "amplitude", "of the value"}}},
    .graded =
        GradedEffect{.sigma_of = GradedEffect::SigmaOf::half_period, .size = size_pattern, .level = swayed},
    .lasts_a_period = true};

}  // namespace fleet_sim::model
