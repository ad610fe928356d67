// What a run must have written: its readings and events, taken again by a fleet of its own, whose sensors
// stand in another order and have one writer. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "batch/reading.h"
#include "config/config.h"
#include "identity/identity.h"
#include "storage/schema.h"

namespace fleet_sim::test {

using SensorTime = std::pair<std::string, Timestamp>;  // the sensor's id

struct Replay {
  std::map<SensorTime, Reading> readings;
  std::map<SensorTime, AnomalyEvent> events;  // by their start, in their last state
};

Replay replay(const Config& config, const Roster& roster, const RunInfo& run, Timestamp until);

}  // namespace fleet_sim::test
