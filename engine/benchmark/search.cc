#include "benchmark/search.h"

#include <algorithm>
#include <cmath>

namespace fleet_sim::benchmark {
namespace {

constexpr double rise = 2;
constexpr double fall = 4;

// Three digits are exact enough, and easier to read.
double rounded(double rate) {
  const double unit = std::pow(10, std::floor(std::log10(rate)) - 2);
  return std::round(rate / unit) * unit;
}

}  // namespace

std::optional<double> RateSearch::next() const {
  if (!held_ && !failed_) return range_.first;
  if (!held_) {
    if (*failed_ <= range_.lowest) return std::nullopt;
    return std::max(range_.lowest, *failed_ / fall);
  }
  if (!failed_) {
    if (*held_ >= range_.highest) return std::nullopt;
    return std::min(range_.highest, *held_ * rise);
  }
  if (*failed_ / *held_ <= range_.precision) return std::nullopt;
  const double middle = rounded(std::sqrt(*held_ * *failed_));
  if (middle <= *held_ || middle >= *failed_) return std::nullopt;
  return middle;
}

void RateSearch::record(double rate, bool held) {
  (held ? held_ : failed_) = rate;
}

// Whatever is tried next may hold each time on the way up, and then half of what is left goes with each step.
unsigned RateSearch::most_steps_left() const {
  const auto steps = [](double ratio, double factor) {
    return ratio <= factor ? 0.0 : std::ceil(std::log(ratio) / std::log(factor));
  };
  const auto halvings = [this](double ratio) {
    if (ratio <= range_.precision) return 0.0;
    return std::ceil(std::log2(std::log(ratio) / std::log(range_.precision)));
  };
  if (!next()) return 0;
  if (held_ && failed_) return static_cast<unsigned>(std::max(1.0, halvings(*failed_ / *held_)));
  if (held_) return static_cast<unsigned>(1 + steps(range_.highest / *held_, rise) + halvings(rise));
  const double from = failed_.value_or(range_.first);
  const double down = steps(from / range_.lowest, fall) + halvings(fall);
  if (failed_) return static_cast<unsigned>(1 + down);
  return static_cast<unsigned>(2 + std::max(down, steps(range_.highest / from, rise) + halvings(rise)));
}

}  // namespace fleet_sim::benchmark
