#include "base/cadence.h"

#include <cmath>

namespace fleet_sim {

// An interval needs no rounding. Of a rate, 1e6 / rate is off by at most one unit in its last place.
// Stretched by a few of those, k periods never fall short of the true product, so with a rate of 3 the third
// reading is due at 1.000000 s and not a microsecond early. They exceed it by a microsecond after 35
// simulated years, or after 10^12 readings at the highest rates.
Cadence::Cadence(const Rate& rate, Phase phase) : rate_(rate), phase_(phase) {
  if (const auto interval = rate.interval()) {
    period_ = static_cast<Wide>(*interval) << fraction_bits;
    return;
  }
  const double period = 1e6 / rate.per_second() * (1 + 0x1p-50);
  const double whole = std::floor(period);
  period_ =
      (static_cast<Wide>(whole) << fraction_bits) + static_cast<Wide>(std::ceil((period - whole) * 0x1p40));
}

std::uint64_t Cadence::count_before(Microseconds span) const {
  if (span <= 0) return 0;
  // A guess takes less time than dividing exactly, and is off by one at most at usual rates. At the highest,
  // whose periods are stretched, it is off by a thousand after 36 years.
  auto count = static_cast<std::uint64_t>(static_cast<double>(span) * (rate_.per_second() * 1e-6));
  while (offset(count) < span) ++count;
  while (count > 0 && offset(count - 1) >= span) --count;
  return count;
}

// Exactly: a period is a fraction of integers. Decades of stretched periods would be microseconds too late.
Timestamp Cadence::first_multiple(Timestamp start) const {
  Wide numerator = static_cast<Wide>(rate_.interval().value_or(0));
  Wide denominator = 1;
  if (!rate_.interval()) {  // rate = m · 2^-places, so 1e6 / rate = 1e6 · 2^places / m
    constexpr int mantissa_bits = 53;
    int exponent = 0;
    const double mantissa = std::frexp(rate_.per_second(), &exponent);
    numerator = static_cast<Wide>(1'000'000) << (mantissa_bits - exponent);  // below 2^100
    denominator = static_cast<Wide>(std::ldexp(mantissa, mantissa_bits));
  }
  const auto multiple = [&](Wide k) {
    return static_cast<Timestamp>((2 * k * numerator + denominator) / (2 * denominator));
  };
  const Wide before = static_cast<Wide>(start) * denominator / numerator;
  return multiple(before) >= start ? multiple(before) : multiple(before + 1);
}

}  // namespace fleet_sim
