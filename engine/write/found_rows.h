// What a shard holds already of a run that is resumed: the rows near the end of what was written, so that the
// process that resumes it writes exactly those that are missing. Filled while starting by who reads the shard
// (data/found_shard.h), then belongs to the shard's writer. A value.
//
// A run writes its readings in windows of at most one simulated second, one window after the other, and a
// shard's lots keep that order. So everything due more than a second before a shard's last row is there; of
// the rest this keeps each row. It also keeps every event that will come again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/timestamp.h"
#include "batch/reading.h"

namespace fleet_sim::write {

class FoundRows {
 public:
  // For each index into the Roster the one that stands for the same sensor here: a sensor that reloads have
  // changed has several. One beyond the end, and all where there is no list, stand for themselves.
  using SensorOf = std::shared_ptr<const std::vector<std::uint32_t>>;
  explicit FoundRows(SensorOf sensor_of = {}) : sensor_of_(std::move(sensor_of)) {}

  // A reading that is there, with the name of its anomaly, if any. In any order.
  void add(std::uint32_t sensor, Timestamp due, std::span<const double> values, std::string_view anomaly);
  // One whose values were not read, and are not compared.
  void add(std::uint32_t sensor, Timestamp due);
  // All have been added that may lie in the last second: the others are known to be there without this.
  void keep_last_second();
  // An event that is there and will come again.
  void add_event(std::uint32_t sensor, Timestamp started_at) { events_.insert({sensor, started_at}); }
  // Likewise that it has ended.
  void add_end(std::uint32_t sensor, Timestamp started_at) { ends_.insert({sensor, started_at}); }

  // An event of the fleet that is there and may come again.
  void add_fleet_event(std::uint32_t sensor, Timestamp started_at, std::string_view name) {
    fleet_events_.insert(key_of(sensor, started_at, name));
  }

  // The last reading; the earliest moment when there is none.
  [[nodiscard]] Timestamp last() const { return last_; }
  // Every reading due before this moment is there. The earliest moment when there is none.
  [[nodiscard]] Timestamp complete_until() const { return complete_until_; }
  [[nodiscard]] bool has_reading(std::uint32_t sensor, Timestamp due) const;

  enum class Verdict : std::uint8_t { absent, present, different };
  [[nodiscard]] Verdict judge(const batch::Row& reading) const;
  // Whether the event's row exists, for one that shows for the first time.
  [[nodiscard]] bool has_event(const batch::AnomalyEvent& event) const;
  [[nodiscard]] bool has_fleet_event(const batch::FleetEvent& event, std::string_view name) const {
    return fleet_events_.contains(key_of(sensor_of(event.sensor), event.started_at, name));
  }
  // Whether its end is there, too.
  [[nodiscard]] bool has_end(const batch::AnomalyEvent& event) const;

 private:
  // A reading or an event, by its sensor and its time.
  struct Key {
    std::uint32_t sensor;
    Timestamp at;

    bool operator==(const Key&) const = default;
  };
  struct HashKey {
    std::size_t operator()(const Key& key) const;
  };

  [[nodiscard]] std::uint32_t sensor_of(std::uint32_t index) const {
    return sensor_of_ && index < sensor_of_->size() ? (*sensor_of_)[index] : index;
  }

  static std::uint64_t key_of(std::uint32_t sensor, Timestamp started_at, std::string_view name);

  SensorOf sensor_of_;
  Timestamp complete_until_ = earliest_timestamp;
  Timestamp last_ = earliest_timestamp;
  // To a hash of what the row says, if that is known.
  std::unordered_map<Key, std::optional<std::uint64_t>, HashKey> readings_;
  std::unordered_set<Key, HashKey> events_;         // by when they started, as are …
  std::unordered_set<Key, HashKey> ends_;           // … those that have ended
  std::unordered_set<std::uint64_t> fleet_events_;  // hashes
};

}  // namespace fleet_sim::write
