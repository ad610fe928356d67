// Bounds for statistical tests, computed and never guessed. Every test draws from fixed seeds, so it always
// gives the same answer; the bounds say how surprising that answer would be. A normal quantity beyond 5
// standard errors has a chance of 5.7e-7, so a suite with a thousand such checks raises a false alarm for one
// choice of seeds in 1,700.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace fleet_sim::test {

inline constexpr double standard_errors = 5;

// |count/n - p| allowed for n independent trials of chance p.
inline double share_bound(double p, double n) {
  return standard_errors * std::sqrt(p * (1 - p) / n);
}

// |mean of n values - their expectation| allowed, given their variance.
inline double mean_bound(double variance, double n) {
  return standard_errors * std::sqrt(variance / n);
}

// Pearson's r of n independent pairs is normal with variance 1/n.
inline double correlation_bound(double n) {
  return standard_errors / std::sqrt(n);
}

inline double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

inline double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  const double mean_a = mean_of(a);
  const double mean_b = mean_of(b);
  double ab = 0;
  double aa = 0;
  double bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - mean_a) * (b[i] - mean_b);
    aa += (a[i] - mean_a) * (a[i] - mean_a);
    bb += (b[i] - mean_b) * (b[i] - mean_b);
  }
  return ab / std::sqrt(aa * bb);
}

// Kolmogorov and Smirnov: the largest distance between the values' distribution and the uniform one on [0,
// 1), times √n. It exceeds c with chance 2·exp(-2c²): 5.8e-7 for the bound below.
inline constexpr double uniformity_bound = 2.745;
inline double distance_from_uniform(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto n = static_cast<double>(values.size());
  double distance = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double below = static_cast<double>(i) / n;
    distance = std::max({distance, values[i] - below, below + 1 / n - values[i]});
  }
  return distance * std::sqrt(n);
}

}  // namespace fleet_sim::test
