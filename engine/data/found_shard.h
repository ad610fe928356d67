// Reads from a shard what it holds of a run that is being resumed. Made while starting, by any thread; owns
// nothing but what it has read. Throws like data_directory.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
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
  // Reads the readings of the run. A run that this shard does not know has left none. `find_sensor` gives
  // indices that stand for their sensors.
  FoundShard(const std::filesystem::path& file, const std::string& run_id, const FindSensor& find_sensor,
             write::FoundRows::SensorOf sensor_of = {});

  // The highest ids in the file; zero where the run has left nothing.
  [[nodiscard]] const tables::LastIds& last_ids() const { return last_ids_; }

  [[nodiscard]] const write::FoundRows& rows() const { return rows_; }
  [[nodiscard]] write::FoundRows take_rows() && { return std::move(rows_); }

  // Rows of the run due by then may have been deleted; nothing where none were.
  [[nodiscard]] std::optional<Timestamp> deleted_until() const {
    return run_ ? run_->deleted_until : std::nullopt;
  }

  // What delivery did to readings that had not all arrived at some moment.
  struct Underway {
    std::uint32_t sensor;
    batch::Delivery::Kind kind;  // late or hold
    Timestamp due;
    Timestamp arrives_at;  // the latest timestamp where that is not known yet
  };
  // Reads what delivery did, adds it to rows(), and returns what did not arrive at once. In order.
  std::vector<Underway> read_deliveries(const FindSensor& find_sensor);

  // Reads the run's events: adds to rows() those that a fleet resuming at `moment` produces again, but for
  // agings, and returns those that sensors began before it.
  struct BegunBefore {
    std::uint32_t sensor;
    model::AnomalyRequest request;  // with which it began: what it leaves open was drawn
    Timestamp started_at;
  };
  std::vector<BegunBefore> read_events(Timestamp moment, const FindSensor& find_sensor);
  // Adds the events of the fleet that come again.
  void read_fleet_events(Timestamp moment, const FindSensor& find_sensor);
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

 private:
  void read_readings(tables::Database& shard, const FindSensor& find_sensor);

  std::filesystem::path file_;
  std::optional<RecordedRun> run_;
  tables::LastIds last_ids_;
  write::FoundRows rows_;
  std::vector<BegunBefore> injected_since_;
  std::vector<FoundAging> agings_;
};

}  // namespace fleet_sim::data
