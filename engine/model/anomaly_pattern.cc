// A pattern sways temperature and vibration in opposition, in proportion to their values.
#include "base/math.h"
#include "model/anomaly_effect.h"

namespace fleet_sim::model {
namespace {

void begin_pattern(Anomaly& anomaly, const Profile& profile, const RandomBlock&) {
  anomaly.magnitude = profile.pattern_amplitude;
}

void apply_pattern(const AffectedReading& reading, batch::Values& values) {
  const Profile& profile = reading.profile;
  const auto elapsed =
      static_cast<double>((reading.due - reading.anomaly.started_at) % profile.pattern_period);
  const double wave = sine_of_turns(elapsed / static_cast<double>(profile.pattern_period));
  values[index_of(Channel::temperature)] *= 1 + profile.pattern_amplitude * wave;
  values[index_of(Channel::vibration)] *= 1 - profile.pattern_amplitude * wave;
}

bool pattern_goes_on(const Profile& was, const Profile& is) {
  return was.pattern_amplitude == is.pattern_amplitude && was.pattern_period == is.pattern_period;
}

}  // namespace

const AnomalyEffect pattern_effect{
    .begin = begin_pattern, .apply = apply_pattern, .goes_on = pattern_goes_on};

}  // namespace fleet_sim::model
