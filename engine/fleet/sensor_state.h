// A sensor taken out of the fleet as it is before its next reading, and what it reads from there: the same
// function on a copy, so that looking at a sensor never touches the fleet. Values; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "base/cadence.h"
#include "base/timestamp.h"
#include "batch/reading.h"
#include "fleet/added.h"
#include "identity/identity.h"
#include "model/sensor.h"

namespace fleet_sim::fleet {

// What a scenario has made of a sensor.
struct Touched {
  Timestamp at = earliest_timestamp;  // for the last time
  bool is_there = true;
  Timestamp silent_until = earliest_timestamp;
  identity::OverlayIndex overlay = 0;
  std::vector<Added> added{};
  std::optional<Serviced> serviced{};
};

struct SensorState {
  model::Sensor sensor;
  Cadence cadence;
  Timestamp start;  // of the run
  std::uint64_t seed;
  Timestamp next_due;
  Touched touched{};

  [[nodiscard]] Timestamp first_due() const { return cadence.origin(start) + sensor.phase; }
  // How many readings have been taken.
  [[nodiscard]] std::uint64_t taken() const { return cadence.count_before(next_due - first_due()); }
};

// An anomaly that was asked for.
struct Injection {
  std::uint32_t sensor;  // index into the Roster
  model::AnomalyRequest request;
  Timestamp due;  // of its first reading
};

// A reading with the one channel that its anomaly touches, if it is one.
struct RecentReading {
  batch::Reading reading;
  std::optional<Channel> channel;
  bool missing = false;  // the anomaly has taken it, or the sensor is silent
  AnomalyCause cause = AnomalyCause::drawn;
};

// What its next reading lies in: its anomaly, or the interval in which a part of it has failed.
std::optional<batch::AnomalyEvent> event_now(const SensorState& state);

// The same sensor as it was when `taken` of its readings had been taken, judged by the seed alone: exact for
// none, and from then on as soon as it has been without an anomaly at the same time as the real one.
SensorState state_after(const SensorState& now, std::uint64_t taken);

// Takes the readings due before `until`, with the injected anomalies among `injections` that are this
// sensor's, and as a scenario has touched it, and keeps the last `most` of all in `readings`.
void replay(SensorState& state, Timestamp until, std::span<const Injection> injections, std::size_t most,
            std::deque<RecentReading>& readings);

// Whether two states of a sensor continue alike.
bool continues_alike(const SensorState& a, const SensorState& b);

}  // namespace fleet_sim::fleet
