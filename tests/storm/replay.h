// What a run must have written: its readings and events, taken again sensor by sensor, through all reloads,
// without cohorts, batches or writers. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "batch/reading.h"
#include "config/config.h"
#include "identity/identity.h"
#include "storm/edition.h"
#include "tables/schema.h"

namespace fleet_sim::test {

using SensorTime = std::pair<std::string, Timestamp>;  // the sensor's id

struct Replay {
  struct Taken {
    batch::Reading reading;
    Timestamp anomaly_since;  // where the reading is part of one
  };
  std::map<SensorTime, Taken> readings;
  struct Expected {
    batch::AnomalyEvent last;
    std::optional<Timestamp> earlier_end;  // a reload has made it another
  };
  std::map<SensorTime, Expected> events;  // by their start
};

// `sharding` tells when a sensor moves to another file, which ends its anomaly.
Replay replay(const config::ShardBy& sharding, const identity::Roster& roster, const tables::RunInfo& run,
              std::span<const Edition> editions, Timestamp until);

}  // namespace fleet_sim::test
