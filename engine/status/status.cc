#include "status/status.h"

#include <cmath>

namespace fleet_sim::status {
namespace {

double seconds(Microseconds span) {
  return static_cast<double>(span) / 1e6;
}

}  // namespace

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

}  // namespace fleet_sim::status
