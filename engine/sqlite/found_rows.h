// What a shard holds already of a run that goes on: the rows near the end of what was committed, so that a
// process that takes up the run writes exactly those that are missing. Made while starting, by any thread
// (throws like data_directory.h); then belongs to the shard's writer.
//
// A run writes its readings in windows of at most one simulated second, one window after the other, and a
// shard's commits keep that order. So everything due more than a second before a shard's last row is there;
// of the rest this keeps each row. It also keeps every event that will come again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "batch/reading.h"
#include "sqlite/data_directory.h"

namespace fleet_sim::sqlite {

// Index into the Roster of a sensor's id; nothing for a sensor of somebody else's.
using FindSensor = std::function<std::optional<std::uint32_t>(std::string_view id)>;

// A reading or an event, by its sensor and its time.
struct RowKey {
  std::uint32_t sensor;
  Timestamp at;

  bool operator==(const RowKey&) const = default;
};
struct HashRowKey {
  std::size_t operator()(const RowKey& key) const;
};

class FoundRows {
 public:
  // Reads the readings of the run. A run that this shard does not know has left none.
  FoundRows(const std::filesystem::path& file, const std::string& run_id, const FindSensor& find_sensor);

  // The highest ids in the file; zero where the run has left nothing.
  [[nodiscard]] const LastIds& last_ids() const { return last_ids_; }

  // Every reading due before this moment is there. The run's start, or earlier, when there are none.
  [[nodiscard]] Timestamp complete_until() const { return complete_until_; }
  // Rows of the run due by then may have been deleted; nothing where none were.
  [[nodiscard]] std::optional<Timestamp> deleted_until() const {
    return run_ ? run_->deleted_until : std::nullopt;
  }
  [[nodiscard]] bool has_reading(std::uint32_t sensor, Timestamp due) const;

  // Reads the run's events: keeps those that a fleet which goes on at `moment` brings again, and returns
  // those that sensors began before it.
  struct BegunBefore {
    std::uint32_t sensor;
    AnomalyType type;
    Timestamp started_at;
  };
  std::vector<BegunBefore> read_events(Timestamp moment, const FindSensor& find_sensor);

  enum class Verdict { absent, present, different };
  [[nodiscard]] Verdict judge(const batch::Row& reading) const;
  // Whether the event's row exists, for one that shows for the first time.
  [[nodiscard]] bool has_event(const batch::AnomalyEvent& event) const;

 private:
  void read_readings(Database& shard, const FindSensor& find_sensor);

  std::filesystem::path file_;
  std::optional<RecordedRun> run_;
  LastIds last_ids_;
  Timestamp complete_until_;
  Timestamp last_;
  std::unordered_map<RowKey, std::uint64_t, HashRowKey> readings_;  // to a hash of what the row says
  std::unordered_set<RowKey, HashRowKey> events_;                   // by when they started
};

}  // namespace fleet_sim::sqlite
