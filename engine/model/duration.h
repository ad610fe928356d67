// How long a fault lasts: always the same, or a random time. Most random faults are short, and a few are many
// times longer: the logarithm of the duration is normal around that of the median, with the maximum at three
// standard deviations, and cut off at minimum and maximum. (Where the maximum is the median, nothing is left
// to chance.) One uniform word decides, by the inverse of the distribution.
//
// Values, made while starting and reloading; immutable afterwards; any thread. Nothing here fails or
// allocates. The same bits from every build.
#pragma once

#include <cstdint>

#include "base/timestamp.h"

namespace fleet_sim::model {

// The share of standard normal draws below a deviate; absolute error below 1e-15, relative below 1e-12.
double normal_share_below(double deviate);

class Duration {
 public:
  // Always so many seconds, above 0.
  explicit Duration(double seconds);
  Duration() : Duration(1) {}
  // In seconds; 0 < min <= median <= max. Beyond 1e12 times the median, the maximum is no longer kept to
  // exactly: durations still lie between the bounds, but their distribution is coarse.
  Duration(double median, double min, double max);

  // At least a microsecond.
  [[nodiscard]] Microseconds of(std::uint64_t word) const { return drawn(any_, word); }

  // Of the fault that lasts at a given moment: the longer a fault, the more moments it has.
  [[nodiscard]] Microseconds of_lasting(std::uint64_t word) const { return drawn(lasting_, word); }

  [[nodiscard]] bool is_fixed() const { return sigma_ == 0; }

  // How many readings a fault affects on average, at so many per second: the mean of max(1, ceil(D · rate)).
  // Relative error below 1e-4.
  [[nodiscard]] double expected_readings(double rate) const;

 private:
  // A normal distribution of the logarithm, of which the part between two shares is left.
  struct Law {
    double shift;  // of its mean from the logarithm of the median
    double below_min;
    double below_max;
  };

  [[nodiscard]] Law law(double shift) const;
  [[nodiscard]] Microseconds drawn(const Law& law, std::uint64_t word) const;
  [[nodiscard]] double deviate(double microseconds, double shift) const;
  [[nodiscard]] double share_longer(double microseconds) const;
  [[nodiscard]] double mean_excess(double microseconds) const;

  double median_;  // in microseconds, as are …
  double min_;     // … these
  double max_;
  double sigma_;  // 0: always the same
  Law any_{};
  Law lasting_{};
};

}  // namespace fleet_sim::model
