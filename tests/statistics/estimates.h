// Measured numbers with their standard errors. Values only; any thread.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "statistics/bounds.h"
#include "support/statistics.h"

namespace fleet_sim::statistics {

struct Estimate {
  double value;
  double standard_error;
};

// A share of `n` independent trials that is `p` by promise.
inline Estimate share_of(double count, double n, double p) {
  if (n * p < least_expected || n * (1 - p) < least_expected) {
    throw std::logic_error("too few trials to take their share for normal");
  }
  return {count / n, std::sqrt(p * (1 - p) / n)};
}

// Sums of independent values.
struct Moments {
  double n = 0;
  double sum = 0;
  double squares = 0;

  void add(double value) {
    n += 1;
    sum += value;
    squares += value * value;
  }
  void add(const Moments& other) {
    n += other.n;
    sum += other.sum;
    squares += other.squares;
  }
  [[nodiscard]] double mean() const { return sum / n; }
};

// The mean of standard normal values, and their root mean square.
inline Estimate mean_of_normals(const Moments& z) {
  return {z.mean(), 1 / std::sqrt(z.n)};
}
inline Estimate spread_of_normals(const Moments& z) {
  return {std::sqrt(z.squares / z.n), 1 / std::sqrt(2 * z.n)};
}

// Σ parts / Σ wholes with one pair per sensor: sensors are independent, what happens inside one need not be.
class ShareOverSensors {
 public:
  void add(double part, double whole) { sensors_.push_back({part, whole}); }

  [[nodiscard]] Estimate estimate() const {
    if (sensors_.size() < least_sensors)
      throw std::logic_error("too few sensors to take their spread for known");
    double parts = 0;
    double wholes = 0;
    for (const Sensor& sensor : sensors_) {
      parts += sensor.part;
      wholes += sensor.whole;
    }
    const double share = parts / wholes;
    double squares = 0;
    for (const Sensor& sensor : sensors_) {
      const double excess = sensor.part - share * sensor.whole;
      squares += excess * excess;
    }
    const auto n = static_cast<double>(sensors_.size());
    return {share, std::sqrt(squares * n / (n - 1)) / wholes};
  }

 private:
  struct Sensor {
    double part;
    double whole;
  };
  std::vector<Sensor> sensors_;
};

// A standard normal variable clamped to low .. high: its moments, and how often it is at either end.
struct ClampedNormal {
  double mean = 0;
  double square = 0;
  double fourth = 0;
  double at_low = 0;
  double at_high = 0;
};
inline ClampedNormal clamped_normal(double low, double high) {
  ClampedNormal out;
  out.at_low = upper_tail(-low);
  out.at_high = upper_tail(high);
  const auto add = [&out](double z, double weight) {
    out.mean += weight * z;
    out.square += weight * z * z;
    out.fourth += weight * z * z * z * z;
  };
  if (out.at_low > 0) add(low, out.at_low);
  if (out.at_high > 0) add(high, out.at_high);
  const double from = std::max(low, -10.0);
  const double to = std::min(high, 10.0);
  constexpr int steps = 4'000;
  const double width = (to - from) / steps;
  for (int i = 0; i < steps; ++i) {
    const double z = from + (i + 0.5) * width;
    add(z, 0.3989422804014327 * std::exp(-z * z / 2) * width);
  }
  return out;
}

// Counts of standard normal values in slices of a quarter, to compare their shape: the middle and both tails.
class NormalShape {
 public:
  void add(double z) {
    const double slice = std::floor(z * 4) + slices / 2;
    ++counts_[static_cast<std::size_t>(std::clamp(slice, 0.0, slices - 1.0))];
  }
  void add(const NormalShape& other) {
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  }

  // Pearson's chi-square against the normal distribution, as a standard normal quantity. Slices with fewer
  // than `least_expected` are joined with the next one inwards.
  [[nodiscard]] double away_from_normal() const {
    double n = 0;
    for (const std::uint32_t count : counts_) n += count;
    double chi_square = 0;
    double cells = 0;
    const auto half = [&](int sign) {
      double expected = 0;
      double seen = 0;
      for (int i = slices / 2 - 1; i >= 0; --i) {
        const double outer = i == slices / 2 - 1 ? 0 : upper_tail((i + 1) / 4.0);
        expected += n * (upper_tail(i / 4.0) - outer);
        seen += counts_[static_cast<std::size_t>(slices / 2 + (sign > 0 ? i : -1 - i))];
        if (expected < least_expected) continue;
        chi_square += (seen - expected) * (seen - expected) / expected;
        cells += 1;
        expected = seen = 0;
      }
    };
    half(1);
    half(-1);
    return normal_from_chi_square(chi_square, cells - 1);
  }

 private:
  static constexpr int slices = 48;  // from -6 to 6
  std::array<std::uint32_t, slices> counts_{};
};

}  // namespace fleet_sim::statistics
