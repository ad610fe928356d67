// What a shard holds of a run that is being resumed, wherever it lies; FoundFile reads it from a SQLite file.
// Made while starting, by any thread; owns nothing but what it has read. Throws like data_directory.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
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

  // What delivery did to readings that had not all arrived at some moment.
  struct Underway {
    std::uint32_t sensor;
    batch::Delivery::Kind kind;  // late or hold
    Timestamp due;
    Timestamp arrives_at;  // the latest timestamp where that is not known yet
  };
  // Reads what delivery did, adds it to rows(), and returns what did not arrive at once. In the order in
  // which each sensor's readings were due.
  virtual std::vector<Underway> read_deliveries(const FindSensor& find_sensor) = 0;

  // Reads the run's events: adds to rows() those that a fleet resuming at `moment` produces again, but for
  // agings, and returns those that sensors began before it.
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

  // Gathers what read_deliveries returns.
  class Arrivals {
   public:
    void add(std::uint32_t sensor, batch::Delivery::Kind kind, Timestamp due,
             const std::optional<Timestamp>& arrived_at);
    [[nodiscard]] std::vector<Underway> take() && { return std::move(underway_); }

   private:
    std::vector<Underway> underway_;
    std::unordered_map<std::uint32_t, std::size_t> holds_;  // by sensor, its last one
  };

  tables::LastIds last_ids_;
  write::FoundRows rows_;

 private:
  std::vector<BegunBefore> injected_since_;
  std::vector<FoundAging> agings_;
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
  std::vector<Underway> read_deliveries(const FindSensor& find_sensor) override;
  std::vector<BegunBefore> read_events(Timestamp moment, const FindSensor& find_sensor) override;
  void read_fleet_events(Timestamp moment, const FindSensor& find_sensor) override;

 private:
  void read_readings(tables::Database& shard, const FindSensor& find_sensor);

  std::filesystem::path file_;
  std::optional<RecordedRun> run_;
};

}  // namespace fleet_sim::data
