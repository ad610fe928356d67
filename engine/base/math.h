// The three transcendental functions of the model, made of + - * / only, so that they give the same bits with
// every compiler, optimization level and C library. (libm's last bit differs between machines.) Values only;
// any thread.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <numbers>

namespace fleet_sim {

// A polynomial by Horner's rule, coefficient of the highest power first.
template <std::size_t n>
constexpr double polynomial(const std::array<double, n>& coefficients, double x) {
  double value = coefficients[0];
  for (std::size_t i = 1; i < n; ++i) value = value * x + coefficients[i];
  return value;
}

// Natural logarithm of a positive, finite, normal number; relative error below 1e-15.
double natural_log(double x);

// e^x for x in -708 .. 709, beyond which it stays what it is there; relative error below 6e-16.
inline double exponential(double x) {
  // x = n·ln 2 + r with |r| <= ln 2 / 2; e^r is its Taylor series, summed in pairs, which do not wait for
  // each other. Adding and taking away 1.5·2^52 rounds to a whole number; the upper part of ln 2 has so few
  // bits that its multiples are exact.
  constexpr double rounder = 0x1.8p52;
  constexpr double ln2_upper = 0x1.62e42feep-1;
  constexpr double ln2_lower = 0x1.a39ef35793c76p-33;
  x = std::min(std::max(x, -708.0), 709.0);
  const double n = (x * std::numbers::log2e + rounder) - rounder;
  const double r = (x - n * ln2_upper) - n * ln2_lower;
  const double r2 = r * r;
  const double r4 = r2 * r2;
  const double first = (1.0 / 6 * r + 0.5) * r2 + (r + 1.0);
  const double second = (1.0 / 5040 * r + 1.0 / 720) * r2 + (1.0 / 120 * r + 1.0 / 24);
  const double third = (1.0 / 39916800 * r + 1.0 / 3628800) * r2 + (1.0 / 362880 * r + 1.0 / 40320);
  const double sum = ((1.0 / 479001600 * r4 + third) * r4 + second) * r4 + first;
  return sum * std::bit_cast<double>(static_cast<std::uint64_t>(static_cast<std::int64_t>(n) + 1023) << 52);
}

// sin(2π·turns) for |turns| below 2^51; absolute error below 1e-13.
constexpr double sine_of_turns(double turns) {
  // Fold to a quarter turn either side of zero, where the Taylor series converges fast.
  const double shifted = turns + 0.5;
  auto whole = static_cast<double>(static_cast<std::int64_t>(shifted));
  if (whole > shifted) whole -= 1;
  double r = turns - whole;
  if (r > 0.25) r = 0.5 - r;
  if (r < -0.25) r = -0.5 - r;
  constexpr std::array coefficients{1.0 / 355687428096000,
                                    -1.0 / 1307674368000,
                                    1.0 / 6227020800,
                                    -1.0 / 39916800,
                                    1.0 / 362880,
                                    -1.0 / 5040,
                                    1.0 / 120,
                                    -1.0 / 6,
                                    1.0};
  const double x = r * (2.0 * std::numbers::pi);
  return x * polynomial(coefficients, x * x);
}

// 0 to 1 along half a cosine as `share` goes from 0 to 1.
constexpr double half_cosine(double share) {
  return 0.5 - 0.5 * sine_of_turns(0.5 * share + 0.25);
}
// The same for any share: what it is at the ends it stays beyond them.
inline double raised_cosine(double share) {
  // Most shares are outside; the sine of one of the ends is not exactly 0 or 1.
  constexpr double before = half_cosine(0);
  constexpr double after = half_cosine(1);
  if (share <= 0) return before;
  return share < 1 ? half_cosine(share) : after;
}

}  // namespace fleet_sim
