// What a run must have written: its readings and events, taken again sensor by sensor, through all reloads,
// without cohorts, batches or writers. Where a scenario or delivery has a hand in it, taken again by a fleet
// that is never interrupted instead, without batches that fill up, writers or files. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
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
    std::size_t copies = 1;   // that arrive

    [[nodiscard]] Timestamp arrives_at() const { return reading.arrival ? reading.arrival->at : reading.due; }
  };
  std::map<SensorTime, Taken> readings;
  struct Expected {
    batch::AnomalyEvent last;
    std::optional<Timestamp> earlier_end;  // a reload has made it another
  };
  std::map<SensorTime, Expected> events;  // by their start
  std::set<std::string> truth;            // rows of fleet_events and deliveries
};

// Such a row.
std::string truth_text(std::string_view sensor_id, std::string_view what, Timestamp at,
                       std::uint64_t sequence, std::optional<Timestamp> until);

// `sharding` tells when a sensor moves to another file, which ends its anomaly.
Replay replay(const config::ShardBy& sharding, const identity::Roster& roster, const tables::RunInfo& run,
              std::span<const Edition> editions, Timestamp until);

}  // namespace fleet_sim::test
