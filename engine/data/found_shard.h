// What a shard holds of a run that is being resumed, wherever it lies; FoundFile reads it from a SQLite file.
// Made while starting, by any thread; owns nothing but what it has read. Throws like data_directory.h.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "data/data_directory.h"
#include "model/anomaly.h"
#include "write/found_rows.h"

namespace fleet_sim::data {

// Index into the Roster of a sensor's id; nothing for a sensor that is not ours.
using FindSensor = std::function<std::optional<std::uint32_t>(std::string_view id)>;

class FoundShard {
 public:
  FoundShard() = default;
  virtual ~FoundShard() = default;

  // The highest ids in the file; zero where the run has left nothing, or is not in a file.
  [[nodiscard]] const tables::LastIds& last_ids() const { return last_ids_; }

  [[nodiscard]] const write::FoundRows& rows() const { return rows_; }
  [[nodiscard]] write::FoundRows take_rows() && { return std::move(rows_); }

  // Rows of the run due by then may have been deleted; nothing where none were.
  [[nodiscard]] virtual std::optional<Timestamp> deleted_until() const { return std::nullopt; }

  // A late reading, or a sensor that was held.
  struct Underway {
    std::uint32_t sensor;
    batch::Delivery::Kind kind;  // late or hold
    Timestamp due;
    Timestamp arrives_at;  // the latest timestamp where that is not known yet
  };
  // When sensors were held, without a pause: from when their first reading was due until the last arrived.
  struct Held {
    Timestamp due;
    Timestamp arrived_at;
  };
  // What had not arrived by a moment, or is not known to have done so, and the holds that were over.
  struct Waiting {
    std::vector<Underway> underway;
    std::vector<Held> holds;
  };
  virtual Waiting read_waiting(Timestamp moment, const FindSensor& find_sensor) = 0;
  // Adds to rows() what delivery did to readings that a fleet resuming at `moment` reads again. Returns the
  // late ones that were due before it and arrived then or later.
  virtual std::vector<Underway> read_deliveries(Timestamp moment, const FindSensor& find_sensor) = 0;

  // Reads the run's events: adds to rows() those that a fleet resuming at `moment` produces again, but for
  // agings, and those that have ended since then, and returns those that sensors began before it.
  struct BegunBefore {
    std::uint32_t sensor;
    model::AnomalyRequest request;  // with which it began: what it leaves open was drawn
    Timestamp started_at;
  };
  virtual std::vector<BegunBefore> read_events(Timestamp moment, const FindSensor& find_sensor) = 0;
  // Adds the events of the fleet that come again.
  virtual void read_fleet_events(Timestamp moment, const FindSensor& find_sensor) = 0;
  // The injected ones among the others, once the events have been read.
  [[nodiscard]] const std::vector<BegunBefore>& injected_since() const { return injected_since_; }
  // Of agings, those that had not ended by then, in the order they were written. An interval has an
  // event for each time that its sensor's readings came into this shard.
  struct FoundAging {
    std::uint32_t sensor;
    Timestamp onset;
  };
  [[nodiscard]] const std::vector<FoundAging>& agings() const { return agings_; }
  // When the last of these was noted, as far as it says so: what a fleet was in is known until then, with or
  // without readings. The earliest moment when there is none.
  [[nodiscard]] Timestamp last_truth() const { return last_truth_; }
  // An event that began before is produced again as well: its sensor has no reading in it yet.
  void expect_event(std::uint32_t sensor, Timestamp started_at) { rows_.add_event(sensor, started_at); }

 protected:
  FoundShard(const FoundShard&) = default;
  FoundShard(FoundShard&&) = default;
  FoundShard& operator=(const FoundShard&) = default;
  FoundShard& operator=(FoundShard&&) = default;
  explicit FoundShard(write::FoundRows rows) : rows_(std::move(rows)) {}

  // Takes an event of the run, which began at `start`, as read_events is to. latest_timestamp: it has not
  // ended.
  void sort_event(const BegunBefore& event, Timestamp ended_at, Timestamp start, Timestamp moment,
                  std::vector<BegunBefore>& begun);

  // A row of the table `deliveries`.
  struct Delivered {
    std::uint32_t sensor;
    batch::Delivery::Kind kind;
    Timestamp due;
    std::optional<Timestamp> arrived_at;
    std::uint64_t sequence;
  };
  // Takes one as read_deliveries is to.
  void sort_delivery(const Delivered& one, Timestamp moment, std::vector<Underway>& seats);

  // Takes an event of the fleet as read_fleet_events is to.
  void sort_fleet_event(std::uint32_t sensor, Timestamp started_at, std::string_view name);

  // Collects the result of read_waiting. Each sensor's rows are added in the order in which they were
  // written. Memory is bounded by the most that was waiting at once, because holds that are over are merged
  // where they meet.
  class Arrivals {
   public:
    explicit Arrivals(Timestamp moment) : moment_(moment) {}

    void add(const Delivered& one);
    [[nodiscard]] Waiting take() &&;

   private:
    void note_over(Held hold);

    Timestamp moment_;
    std::vector<Underway> underway_;
    std::unordered_map<std::uint32_t, Timestamp> holds_;  // by sensor: the due time of one that goes on
    std::map<Timestamp, Timestamp> over_;                 // by due time, when the last reading arrived
  };

  tables::LastIds last_ids_;
  write::FoundRows rows_;

 private:
  void note_truth(Timestamp at) { last_truth_ = std::max(last_truth_, at); }

  std::vector<BegunBefore> injected_since_;
  std::vector<FoundAging> agings_;
  Timestamp last_truth_ = earliest_timestamp;
};

class FoundFile final : public FoundShard {
 public:
  // Reads the readings of the run. A run that this shard does not know has left none. `find_sensor` gives
  // indices that stand for their sensors.
  FoundFile(const std::filesystem::path& file, const std::string& run_id, const FindSensor& find_sensor,
            write::FoundRows::SensorOf sensor_of = {});

  [[nodiscard]] std::optional<Timestamp> deleted_until() const override {
    return run_ ? run_->deleted_until : std::nullopt;
  }
  Waiting read_waiting(Timestamp moment, const FindSensor& find_sensor) override;
  std::vector<Underway> read_deliveries(Timestamp moment, const FindSensor& find_sensor) override;
  std::vector<BegunBefore> read_events(Timestamp moment, const FindSensor& find_sensor) override;
  void read_fleet_events(Timestamp moment, const FindSensor& find_sensor) override;

 private:
  void read_readings(tables::Database& shard, const FindSensor& find_sensor);
  void check(const tables::StorageError& error) const;

  std::filesystem::path file_;
  std::optional<RecordedRun> run_;
};

}  // namespace fleet_sim::data
