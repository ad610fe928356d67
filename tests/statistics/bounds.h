// How far a measured number may lie from the promised one. The bounds are computed from a plan: which file
// makes how many comparisons, and how often the whole run may fail when every promise of
// engine/model/README.md holds.
//
// The run is allowed a false alarm in 10,000 choices of its seeds (they are fixed, so that it always gives
// the same answer). A tenth of that, 1 in 100,000, is shared out evenly (Bonferroni) by quantiles that treat
// each statistic as normal. The other nine tenths are the reserve for what is not quite normal: counts are
// compared this way only where 300 and more are expected, whose skewness multiplies the chance of a false
// alarm by less than four, and standard errors are taken from the data only where 400 and more independent
// sensors give them, which multiplies it by little more than two.
//
// Readings inside one anomaly depend on each other. A share of readings is therefore judged by one number per
// sensor and their spread; what is drawn once per anomaly, or once per reading, by its exact variance.
//
// Each promise also names numbers that would be wrong. They must lie more than two bounds from the promised
// one: no measurement passes for both, so a comparison that could not tell them apart fails, whatever was
// measured.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fleet_sim::statistics {

// What one file looks at, at least, and how often it compares, at most.
struct Allotment {
  std::string_view file;
  std::uint64_t readings;
  std::size_t comparisons;
};
inline constexpr std::array<Allotment, 6> plan{{{"normal_signal_test", 20'000'000, 2'000},
                                                {"anomaly_share_test", 60'000'000, 500},
                                                {"anomaly_effects_test", 40'000'000, 300},
                                                {"steady_start_test", 10'000'000, 100},
                                                {"independence_test", 10'000'000, 100},
                                                {"graded_faults_test", 10'000'000, 300}}};

constexpr std::size_t planned_comparisons() {
  std::size_t sum = 0;
  for (const Allotment& part : plan) sum += part.comparisons;
  return sum;
}
constexpr std::uint64_t planned_readings() {
  std::uint64_t sum = 0;
  for (const Allotment& part : plan) sum += part.readings;
  return sum;
}
static_assert(planned_readings() >= 20'000'000);

inline constexpr double chance_of_false_alarm = 1e-5;  // of the whole run, by normal quantiles
inline constexpr double chance_each = chance_of_false_alarm / static_cast<double>(planned_comparisons());
inline constexpr double least_expected = 300;      // events, where a count is taken for normal
inline constexpr std::size_t least_sensors = 400;  // where their spread is taken for known

// The chance that a standard normal draw exceeds z.
inline double upper_tail(double z) {
  return 0.5 * std::erfc(z / std::sqrt(2.0));
}

// The z that a standard normal draw exceeds in size with chance `chance`.
inline double normal_bound(double chance) {
  double low = 0;
  double high = 40;
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (2 * upper_tail(middle) > chance ? low : high) = middle;
  }
  return high;
}

// Standard errors that one comparison may be off: 5.93 for 3,300 comparisons.
inline double standard_errors_allowed() {
  static const double bound = normal_bound(chance_each);
  return bound;
}

// Kolmogorov and Smirnov: √n times the largest distance exceeds c with chance 2·exp(-2c²).
inline double distance_allowed() {
  return std::sqrt(std::log(2 / chance_each) / 2);
}

// A chi-square of `degrees` as a standard normal quantity (Wilson and Hilferty).
inline double normal_from_chi_square(double chi_square, double degrees) {
  const double spread = 2 / (9 * degrees);
  return (std::cbrt(chi_square / degrees) - (1 - spread)) / std::sqrt(spread);
}

// The chance that a Poisson count of expectation `expected` is at least as far out as `count`, on its side.
inline double poisson_tail(std::uint64_t count, double expected) {
  double term = std::exp(-expected);
  double below = 0;  // chance of fewer than count
  for (std::uint64_t k = 0; k < count; ++k) {
    below += term;
    term *= expected / static_cast<double>(k + 1);
  }
  if (static_cast<double>(count) < expected) return below + term;
  double above = 0;
  for (std::uint64_t k = count; term > 1e-30 && k < count + 1'000; ++k) {
    above += term;
    term *= expected / static_cast<double>(k + 1);
  }
  return above;
}

}  // namespace fleet_sim::statistics
