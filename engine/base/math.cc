#include "base/math.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace fleet_sim {

double natural_log(double x) {
  // x = m·2^e with m in [√½, √2); log m = 2 artanh(s), s = (m-1)/(m+1), |s| < 0.172: ten terms reach the last
  // bit.
  constexpr std::uint64_t fraction_bits = (1ull << 52) - 1;
  const auto bits = std::bit_cast<std::uint64_t>(x);
  auto exponent = static_cast<int>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & fraction_bits) | 0x3FF0000000000000);
  if (m > std::numbers::sqrt2) {
    m *= 0.5;
    ++exponent;
  }
  const double s = (m - 1.0) / (m + 1.0);
  constexpr std::array coefficients{1.0 / 21, 1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13, 1.0 / 11,
                                    1.0 / 9,  1.0 / 7,  1.0 / 5,  1.0 / 3,  1.0};
  return exponent * std::numbers::ln2 + 2.0 * s * polynomial(coefficients, s * s);
}

}  // namespace fleet_sim
