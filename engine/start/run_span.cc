#include "start/run_span.h"

#include <algorithm>

namespace fleet_sim::start {
namespace {

// One that is endless goes on from now into the future.
Microseconds past_of(const config::Config& config, const Forecast& forecast) {
  const double seconds =
      config.clock.speed.max ? forecast.seconds.value_or(0) : config.clock.backfill_seconds;
  return static_cast<Microseconds>(seconds * 1e6);
}

}  // namespace

Timestamp later(Timestamp moment, double seconds) {
  const double longest = static_cast<double>(latest_timestamp - moment) * 1e-6;
  return seconds < longest ? moment + static_cast<Microseconds>(seconds * 1e6) : latest_timestamp;
}

Timestamp start_of(const config::Config& config, const Forecast& forecast, Timestamp now) {
  return config.clock.start.value_or(std::max<Timestamp>(0, now - past_of(config, forecast)));
}

Timestamp end_of(const config::Config& config, Timestamp start) {
  const double seconds = config.simulation.run_time_seconds;
  return seconds == 0 ? latest_timestamp : later(later(start, config.clock.backfill_seconds), seconds);
}

}  // namespace fleet_sim::start
