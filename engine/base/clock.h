// The clocks a run goes by: the system's, and the SimulationClock, which turns real time into simulated time.
// It reads `launch` at `launched`, runs `speed` times as fast as the wall, and never jumps, because it
// follows the steady clock even when the system's is set.
//
// A fleet starts behind its clock when it fills history first or resumes a run after a break. Readings due
// before it has caught up are history: they wait for the writers and never count as late. For an unpaced
// fleet, everything is history.
//
// One clock belongs to a run, and whoever needs it borrows it. Any thread may ask; the scheduler's conductor
// says when the fleet has caught up.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>

#include "base/timestamp.h"

namespace fleet_sim {

using SteadyTime = std::chrono::steady_clock::time_point;

// The shortest time after which a paced fleet, and threads that wait for something that cannot wake them,
// look again. It bounds the wake-ups of an idle fleet, and the lag of readings that are taken together;
// people notice neither.
inline constexpr std::chrono::milliseconds wake_interval{50};

// The system's UTC time.
Timestamp system_now();

class SimulationClock {
 public:
  // `speed` is simulated seconds per second; none means unpaced: every moment has already come. The first
  // reading is due at `from` or later; before the launch, the fleet has to catch up.
  SimulationClock(Timestamp launch, SteadyTime launched, std::optional<double> speed, Timestamp from);
  SimulationClock(Timestamp launch, SteadyTime launched, std::optional<double> speed)
      : SimulationClock(launch, launched, speed, launch) {}

  // Simulated seconds per second.
  [[nodiscard]] std::optional<double> speed() const { return speed_; }

  // What is due earlier is history. The latest timestamp while history is being filled: for an unpaced fleet,
  // always.
  [[nodiscard]] Timestamp history_until() const { return history_until_.load(std::memory_order_acquire); }

  // Whether the fleet keeps to the clock, so that its readings can be late.
  [[nodiscard]] bool paced() const { return history_until() != latest_timestamp; }
  // Whether it has a clock to catch up with.
  [[nodiscard]] bool fills_history() const { return speed_ && !paced(); }

  // The fleet has taken all that was due before `reached`, and has to wait for what is next. Only the first
  // call has an effect.
  void caught_up(Timestamp reached);

  // The simulated time at `real`; latest_timestamp without a speed.
  [[nodiscard]] Timestamp simulated(SteadyTime real) const;

  // When the simulated moment comes. Only with a speed.
  [[nodiscard]] SteadyTime real(Timestamp simulated) const;

  // Real microseconds from the moment `due` came until `real`; never negative, 0 without a speed.
  [[nodiscard]] Microseconds lag(Timestamp due, SteadyTime real) const;

 private:
  Timestamp launch_;
  SteadyTime launched_;
  std::optional<double> speed_;
  std::atomic<Timestamp> history_until_;
};

}  // namespace fleet_sim
