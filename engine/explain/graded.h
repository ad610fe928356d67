// What graded anomalies of one type amount to in one sensor: how severe they are, which channels they affect
// and how often, and what the usual one changes in each, worked out by the functions a run uses. Values; main
// thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/anomaly_types.h"
#include "base/timestamp.h"
#include "model/explanation.h"

namespace fleet_sim::explain {

struct GradedChannel {
  std::size_t channel;
  double share;                     // of those that affect one channel: how many affect this one
  std::string unit;                 // of sigma, and of the magnitude but for a gain; "ln": of the logarithm
  std::optional<double> sigma;      // what a severity counts in, for the usual anomaly
  std::optional<double> magnitude;  // of the usual anomaly
};

struct GradedType {
  std::optional<double> severity;       // the usual one: the middle of its range; none: it has no severity
  double seconds;                       // how long it usually lasts: the median
  std::vector<GradedChannel> channels;  // none where it affects all
};

// None for a type whose anomalies are relative in this sensor.
std::optional<GradedType> graded_type(const model::Explanation& explanation, AnomalyType type);

// "0.42 °C": in three digits.
std::string size_in_unit(double size, std::string_view unit);

// "±0.42 °C", "steps of 0.3 °C", "40% of the time": as a page writes the magnitude of a graded anomaly.
std::string graded_magnitude_text(AnomalyType type, double magnitude, std::string_view unit);

}  // namespace fleet_sim::explain
