#include "sources/device.h"

#include <cassert>
#include <cmath>

namespace fleet_sim::sources {

Resolution::Resolution(double step) {
  assert(step >= 0);
  if (step == 0) return;
  times_ = step;
  double power = 1;
  for (int digits = 0; digits <= 12; ++digits, power *= 10) {
    const double whole = std::floor(step * power + 0.5);
    if (whole < 1 || std::fabs(step * power - whole) > 1e-12 * whole) continue;
    times_ = whole;
    over_ = power;
    break;
  }
  per_unit_ = over_ / times_;
}

}  // namespace fleet_sim::sources
