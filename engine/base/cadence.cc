#include "base/cadence.h"

#include <cmath>

namespace fleet_sim {

// 1e6 / rate is off by at most one unit in its last place. Stretched by a few of those, k periods never fall
// short of the true product, so with a rate of 3 the third reading is due at 1.000000 s and not a microsecond
// early. They exceed it by a microsecond after 35 simulated years, or after 10^12 readings at the highest
// rates.
Cadence::Cadence(double readings_per_second) {
  const double period = 1e6 / readings_per_second * (1 + 0x1p-50);
  const double whole = std::floor(period);
  period_ =
      (static_cast<Wide>(whole) << fraction_bits) + static_cast<Wide>(std::ceil((period - whole) * 0x1p40));
}

std::uint64_t Cadence::count_before(Microseconds span) const {
  if (span <= 0) return 0;
  // offset(k) < span  <=>  k·period < span·2^40
  const Wide limit = static_cast<Wide>(span) << fraction_bits;
  return static_cast<std::uint64_t>((limit + period_ - 1) / period_);
}

}  // namespace fleet_sim
