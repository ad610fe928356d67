// A batch: the readings, anomaly events and deliveries of consecutive ticks, on their way from a cohort to
// the writer of its shards. Owned by the holder of the pointer: pool, generator, queue or writer, one at a
// time. It never grows: a full batch is handed over and another one taken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "batch/reading.h"
#include "batch/rows.h"
#include "types/signal_declaration.h"

namespace fleet_sim::batch {

struct Batch {
  static constexpr std::size_t capacity = 1'024;  // of each
  // A reading may begin or end an anomaly, and an interval of each aging.
  static constexpr std::size_t most_events_of_a_reading = 1 + types::most_agings;
  // With it two late ones may arrive, each of them twice, and a hold may begin or end.
  static constexpr std::size_t most_rows_of_a_reading = 6;
  static constexpr std::size_t most_deliveries_of_a_reading = 6;

  Batch() {
    readings.reserve(capacity + most_rows_of_a_reading - 1);
    events.reserve(capacity);
  }  // fleet events are few: room for them is made when they come

  [[nodiscard]] bool full() const {
    return readings.size() >= capacity || events.size() + most_events_of_a_reading > capacity ||
           fleet_events.size() >= capacity || deliveries.size() + most_deliveries_of_a_reading > capacity;
  }
  [[nodiscard]] bool empty() const {
    return readings.empty() && events.empty() && fleet_events.empty() && deliveries.empty();
  }
  void clear() {
    readings.clear();
    events.clear();
    fleet_events.clear();
    deliveries.clear();
    last_of.reset();
  }

  bool is_taken = false;  // out of the pool; set by the pool alone
  Rows readings;
  std::vector<AnomalyEvent> events;
  std::vector<FleetEvent> fleet_events;
  std::vector<Delivery> deliveries;
  // Where each shard is filled from start to end: a sensor of the one that gets nothing after this batch.
  std::optional<std::uint32_t> last_of;
};

}  // namespace fleet_sim::batch
