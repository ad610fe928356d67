// The share of something among readings, with an interval that is right for readings of sensors: those of one
// sensor depend on each other (an anomaly lasts for many), so what counts as an independent observation is a
// sensor, not a reading. Values only; any thread.
#pragma once

#include <cstdint>
#include <optional>

namespace fleet_sim::report {

struct Interval {
  double low = 0;
  double high = 0;
};

// Sums over sensors, each with x readings of which y are affected. The rate is the ratio estimator Σy / Σx of
// a sample of clusters (Cochran, "Sampling Techniques", 3rd ed., 1977, §6.3 and §9A), its variance n/(n-1) ·
// Σ(y - rate·x)² / (Σx)², and more by Σy² / (n(n-1)) / (Σx)²: two or three sensors too often happen to have
// equally many anomalies, and then their difference does not show how uncertain the rate is. What is added is
// as much as though each had but one anomaly, shared by as many sensors as there are others.
class RatioSums {
 public:
  void add(std::uint64_t x, std::uint64_t y);

  [[nodiscard]] std::uint64_t sensors() const { return sensors_; }
  [[nodiscard]] std::optional<double> rate() const;  // none without readings

  // At least 95%, by Student's t with one degree of freedom fewer than there are sensors, within 0 .. 1. None
  // for fewer than two sensors, because one shows nothing about how much they differ; and none if nothing is
  // affected, because it is unknown how long an anomaly would have lasted.
  [[nodiscard]] std::optional<Interval> interval() const;

 private:
  std::uint64_t sensors_ = 0;
  double x_ = 0;
  double y_ = 0;
  double xx_ = 0;
  double xy_ = 0;
  double yy_ = 0;
};

// The 97.5% quantile of Student's t; `degrees` is at least 1.
double student_t_quantile(std::uint64_t degrees);

}  // namespace fleet_sim::report
