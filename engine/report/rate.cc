#include "report/rate.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace fleet_sim::report {
namespace {

// For 1 to 30 degrees of freedom.
constexpr std::array<double, 30> t_table{12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060,
                                         2.2622,  2.2281, 2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199,
                                         2.1098,  2.1009, 2.0930, 2.0860, 2.0796, 2.0739, 2.0687, 2.0639,
                                         2.0595,  2.0555, 2.0518, 2.0484, 2.0452, 2.0423};

}  // namespace

double student_t_quantile(std::uint64_t degrees) {
  if (degrees <= t_table.size()) return t_table[degrees - 1];
  // Cornish and Fisher's expansion to the second power of 1/n: right to 0.0002 from here on.
  constexpr double z = 1.959964;
  constexpr double z3 = z * z * z;
  constexpr double z5 = z3 * z * z;
  const auto n = static_cast<double>(degrees);
  return z + (z3 + z) / (4 * n) + (5 * z5 + 16 * z3 + 3 * z) / (96 * n * n);
}

void RatioSums::add(std::uint64_t readings, std::uint64_t affected) {
  const auto x = static_cast<double>(readings);
  const auto y = static_cast<double>(affected);
  ++sensors_;
  x_ += x;
  y_ += y;
  xx_ += x * x;
  xy_ += x * y;
  yy_ += y * y;
}

std::optional<double> RatioSums::rate() const {
  return x_ > 0 ? std::optional(y_ / x_) : std::nullopt;
}

std::optional<Interval> RatioSums::interval() const {
  if (sensors_ < 2 || x_ <= 0) return std::nullopt;
  const double rate = y_ / x_;
  // Rounding can take a sum of squares that is zero a little below it.
  const double squares = std::max(0.0, yy_ - 2 * rate * xy_ + rate * rate * xx_);
  const auto n = static_cast<double>(sensors_);
  const double half = student_t_quantile(sensors_ - 1) * std::sqrt(n / (n - 1) * squares) / x_;
  return Interval{std::max(0.0, rate - half), std::min(1.0, rate + half)};
}

}  // namespace fleet_sim::report
