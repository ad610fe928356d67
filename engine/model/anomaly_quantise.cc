// A quantised channel reads in coarse steps. Rounding to a step adds noise of a standard deviation of a
// √12th of it: the severity is how many times as large that is as the change from one reading to the next.
#include <cmath>

#include "model/anomaly_effect.h"

namespace fleet_sim::model {
namespace {

constexpr double root_of_12 = 3.4641016151377544;

void size_quantise(Anomaly& anomaly, const Profile&, const UsualLevel&) {
  anomaly.magnitude = *anomaly.severity * root_of_12 * *anomaly.sigma;
}

double in_steps(const AffectedReading& reading, double level) {
  const double step = *reading.anomaly.magnitude;
  return step > 0 ? std::round(level / step) * step : level;
}

}  // namespace

const AnomalyEffect quantise_effect{
    .graded =
        GradedEffect{.sigma_of = GradedEffect::SigmaOf::reading, .size = size_quantise, .level = in_steps},
    .fewest_readings = fewest_readings_to_repeat};

}  // namespace fleet_sim::model
