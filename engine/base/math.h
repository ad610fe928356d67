// The two transcendental functions of the model, made of + - * / only, so that they give the same bits with
// every compiler, optimisation level and C library. (libm's last bit differs between machines.) Values only;
// any thread.
#pragma once

#include <array>
#include <cstddef>

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
double sine_of_turns(double turns);

}  // namespace fleet_sim
