#include "status/status.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace fleet_sim::status {
namespace {

double seconds(Microseconds span) {
  return static_cast<double>(span) / 1e6;
}

}  // namespace

std::optional<double> seconds_left(const Snapshot& now) {
  if (!now.simulated_seconds) return std::nullopt;
  std::optional<double> left = now.history_left;
  if (!left && now.simulated_total) left = std::max(0.0, *now.simulated_total - *now.simulated_seconds);
  if (!left || *left == 0) return left;
  if (now.keeps_pace()) return *left / *now.speed;
  if (*now.simulated_seconds <= 0 || now.elapsed_seconds <= 0) return std::nullopt;
  return *left * now.elapsed_seconds / *now.simulated_seconds;
}

std::string_view Status::state() const {
  if (draining) return "draining";
  return now.history_left ? filling_history : "running";
}

Distribution distribution_of(const Histogram& histogram) {
  Distribution distribution;
  distribution.count = histogram.count();
  distribution.sum_seconds = seconds(histogram.sum());
  distribution.p50_seconds = seconds(histogram.percentile(0.5));
  distribution.p99_seconds = seconds(histogram.percentile(0.99));
  distribution.max_seconds = seconds(histogram.max());
  for (std::size_t i = 0; i < Distribution::bounds_seconds.size(); ++i) {
    distribution.up_to[i] = histogram.count_up_to(std::llround(Distribution::bounds_seconds[i] * 1e6));
  }
  return distribution;
}

std::string_view name_of(ScenarioRow::State state) {
  constexpr std::array<std::string_view, 4> names{"coming", "under way", "over", "ignored"};
  return names[static_cast<std::size_t>(state)];
}

}  // namespace fleet_sim::status
