#include "base/clock.h"

#include <algorithm>

namespace fleet_sim {
namespace {

constexpr double longest_wait = 100.0 * 365 * microseconds_per_day;  // fits the steady clock

}  // namespace

Timestamp system_now() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(since_epoch).count();
}

SimulationClock::SimulationClock(Timestamp launch, SteadyTime launched, std::optional<double> speed,
                                 Timestamp from)
    : launch_(launch),
      launched_(launched),
      speed_(speed),
      history_until_(!speed || from < launch ? latest_timestamp : from) {}

void SimulationClock::caught_up(Timestamp reached) {
  if (fills_history()) history_until_.store(reached, std::memory_order_release);
}

Timestamp SimulationClock::simulated(SteadyTime real) const {
  if (!speed_) return latest_timestamp;
  const std::chrono::duration<double, std::micro> elapsed = real - launched_;
  const double ahead = std::min(elapsed.count() * *speed_, static_cast<double>(latest_timestamp - launch_));
  return launch_ + static_cast<Microseconds>(ahead);
}

SteadyTime SimulationClock::real(Timestamp simulated) const {
  const double microseconds = static_cast<double>(simulated - launch_) / speed_.value_or(1);
  const std::chrono::duration<double, std::micro> elapsed(std::min(microseconds, longest_wait));
  return launched_ + std::chrono::ceil<SteadyTime::duration>(elapsed);
}

Microseconds SimulationClock::lag(Timestamp due, SteadyTime real_time) const {
  if (!speed_) return 0;
  const auto late = std::chrono::duration_cast<std::chrono::microseconds>(real_time - real(due)).count();
  return std::max<Microseconds>(late, 0);
}

}  // namespace fleet_sim
