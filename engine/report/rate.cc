#include "report/rate.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>

namespace fleet_sim::report {

double student_t_quantile(std::uint64_t degrees) {
  // In doubles throughout: what the library computes in long doubles when a program starts aborts where these
  // are no wider, such as under Valgrind.
  using InDoubles = boost::math::policies::policy<boost::math::policies::promote_double<false>>;
  return quantile(boost::math::students_t_distribution<double, InDoubles>(static_cast<double>(degrees)),
                  0.975);
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
  if (sensors_ < 2 || x_ <= 0 || y_ <= 0) return std::nullopt;
  const double rate = y_ / x_;
  // Rounding can take a sum of squares that is zero a little below it.
  const double squares = std::max(0.0, yy_ - 2 * rate * xy_ + rate * rate * xx_);
  const auto n = static_cast<double>(sensors_);
  const double few = yy_ / (n * (n - 1));
  const double half = student_t_quantile(sensors_ - 1) * std::sqrt(n / (n - 1) * squares + few) / x_;
  return Interval{std::max(0.0, rate - half), std::min(1.0, rate + half)};
}

}  // namespace fleet_sim::report
