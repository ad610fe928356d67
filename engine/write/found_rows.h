// What a shard holds already of a run that is resumed: the rows near the end of what was written, so that the
// process that resumes it writes exactly those that are missing. Filled while starting by who reads the shard
// (data/found_shard.h), then belongs to the shard's writer. A value.
//
// A run writes its readings in windows of at most one simulated second, one window after the other, and a
// shard's lots keep that order. So everything that arrived more than a second before a shard's last row is
// there; of the rest this keeps each row. (Without delivery, rows arrive when they are due.) It also keeps
// every event and delivery that will come again.
#pragma once

#include <array>
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

  // A reading that is there, with the name of its anomaly, if any. In any order. One that is there twice is
  // added twice.
  void add(std::uint32_t sensor, Timestamp due, std::span<const double> values, std::string_view anomaly) {
    add(sensor, due, due, values, anomaly);
  }
  void add(std::uint32_t sensor, Timestamp due, Timestamp arrived_at, std::span<const double> values,
           std::string_view anomaly);
  // One whose values were not read, and are not compared.
  void add(std::uint32_t sensor, Timestamp due, Timestamp arrived_at);
  // All have been added that may lie in the last second: the others are known to be there without this.
  void keep_last_second();
  // The same where more than the last second may be incomplete: everything due before is known to be there.
  void keep_from(Timestamp complete_until);
  // An event that is there and will come again.
  void add_event(std::uint32_t sensor, Timestamp started_at) { events_.insert({sensor, started_at}); }
  // Likewise that it has ended, where a row of its own says so.
  void add_end(std::uint32_t sensor, Timestamp started_at) { ends_.insert({sensor, started_at}); }
  // An event that a fleet may come upon again has ended, as its row says.
  void add_ended(std::uint32_t sensor, Timestamp started_at) { ended_.insert({sensor, started_at}); }
  // By its sequence, too: two holds may wait for the same late reading.
  void add_delivery(std::uint32_t sensor, Timestamp due, std::uint64_t sequence, batch::Delivery::Kind kind) {
    deliveries_[index_of(kind)].insert({sensor, moment_of(due, sequence)});
  }

  // An event of the fleet that is there and may come again.
  void add_fleet_event(std::uint32_t sensor, Timestamp started_at, std::string_view name) {
    fleet_events_.insert(key_of(sensor, started_at, name));
  }

  // When the last reading arrived; the earliest moment when there is none.
  [[nodiscard]] Timestamp last() const { return last_; }
  // Every reading that arrived before this moment is there. The earliest moment when there is none.
  [[nodiscard]] Timestamp complete_until() const { return complete_until_; }
  [[nodiscard]] bool has_reading(std::uint32_t sensor, Timestamp due) const;

  enum class Verdict : std::uint8_t { absent, present, different };
  [[nodiscard]] Verdict judge(const batch::Row& reading) const;
  // The same for a reading that is about to be written: of one that arrives twice, each copy is present once.
  [[nodiscard]] Verdict take(const batch::Row& reading);
  // Whether the event's row exists, for one that shows for the first time.
  [[nodiscard]] bool has_event(const batch::AnomalyEvent& event) const;
  [[nodiscard]] bool has_fleet_event(const batch::FleetEvent& event, std::string_view name) const {
    return fleet_events_.contains(key_of(sensor_of(event.sensor), event.started_at, name));
  }
  // Whether its end is there, too.
  [[nodiscard]] bool has_end(const batch::AnomalyEvent& event) const;
  // Whether this is how an event that has ended was earlier: a fleet that stops before it has caught up with
  // what is there is still in the middle of it.
  [[nodiscard]] bool is_outdated(const batch::AnomalyEvent& event) const;
  [[nodiscard]] bool has_delivery(const batch::Delivery& delivery) const;

 private:
  static std::size_t index_of(batch::Delivery::Kind kind) { return static_cast<std::size_t>(kind); }
  // Of both together.
  static Timestamp moment_of(Timestamp due, std::uint64_t sequence);

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
  struct Found {
    std::optional<std::uint64_t> hash;  // of what the row says, if that is known
    Timestamp arrived_at;
    std::uint32_t copies = 0;
    std::uint32_t taken = 0;  // of these
  };
  using Keys = std::unordered_set<Key, HashKey>;
  std::unordered_map<Key, Found, HashKey> readings_;
  Keys events_;                                     // by when they started, as are …
  Keys ends_;                                       // … those with a row for their end, and …
  Keys ended_;                                      // … those that have ended
  std::unordered_set<std::uint64_t> fleet_events_;  // hashes
  std::array<Keys, batch::Delivery::kind_names.size()> deliveries_;
};

}  // namespace fleet_sim::write
