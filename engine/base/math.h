// The two transcendental functions of the model, made of + - * / only, so that they give the same bits with
// every compiler, optimization level and C library. (libm's last bit differs between machines.) Values only;
// any thread.
#pragma once

#include <array>
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

}  // namespace fleet_sim
