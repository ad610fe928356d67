// The clocks a run goes by: the system's, and the SimulationClock, which turns real time into simulated time.
// It starts at `start`, runs `speed` times as fast as the wall, and never jumps, because it follows the
// steady clock even when the system's is set. Immutable after construction; any thread.
#pragma once

#include <chrono>
#include <optional>

#include "base/timestamp.h"

namespace fleet_sim {

using SteadyTime = std::chrono::steady_clock::time_point;

// How often a paced fleet, and threads that wait for what wakes nobody, look around at most. It bounds the
// wake-ups of an idle fleet, and the lag that readings get from being taken together; people notice neither.
inline constexpr std::chrono::milliseconds wake_interval{50};

// The system's UTC time.
Timestamp system_now();

class SimulationClock {
 public:
  // `speed` is simulated seconds per second; none means unpaced: every moment has already come.
  SimulationClock(Timestamp start, SteadyTime started, std::optional<double> speed);

  [[nodiscard]] bool paced() const { return speed_.has_value(); }

  // The simulated time at `real`; latest_timestamp when unpaced.
  [[nodiscard]] Timestamp simulated(SteadyTime real) const;

  // When the simulated moment comes. Only for a paced clock.
  [[nodiscard]] SteadyTime real(Timestamp simulated) const;

  // Real microseconds from the moment `due` came until `real`; never negative, 0 when unpaced.
  [[nodiscard]] Microseconds lag(Timestamp due, SteadyTime real) const;

 private:
  Timestamp start_;
  SteadyTime started_;
  std::optional<double> speed_;
};

}  // namespace fleet_sim
