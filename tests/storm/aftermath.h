// What a data directory holds after each process of a storm, and whether it may. Reads every file afresh,
// with connections that know of no storm. Throws Found. One thread.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "sqlite/shard_plan.h"
#include "storm/process.h"
#include "storm/replay.h"
#include "support/shard_reader.h"

namespace fleet_sim::test {

// A row of anomaly_events.
struct EventRow {
  std::string sensor_id;
  std::string type;
  std::string channel;  // empty: NULL, as in the next three
  std::string direction;
  std::string magnitude;
  std::string started_at;
  std::string ended_at;
  std::int64_t readings_affected = 0;
};

struct ShardState {
  std::vector<Row> rows;
  std::vector<EventRow> events;
  std::set<std::string> with_gaps;                         // runs of which it says so
  std::set<std::pair<std::string, Timestamp>> reloads;     // of a run, at a moment
  std::vector<std::pair<std::string, std::string>> truth;  // of a run: rows of fleet_events and deliveries
};

class Aftermath {
 public:
  Aftermath(const config::Config& config, const identity::Roster& roster)
      : config_(config), roster_(roster) {}

  // Somebody is going to delete this file: what it holds now counts as having been there.
  void remember(const std::string& path);

  // The process has ended by itself or has died, but the power is on: what it left is what was there before
  // and what it says it has written.
  void inspect(const Process& process, const std::deque<StormRun>& runs, bool calm);

  // The power has failed: each file has lost at most its last commits; none, if every commit was synced and
  // the file is beyond its first checkpoint. A file that is not may be gone, or torn and then set aside.
  void inspect_after_power_failure(const UnsyncedWrites& disk, std::uint64_t in_doubt,
                                   const std::deque<StormRun>& runs);

  [[nodiscard]] std::uint64_t rows() const;
  [[nodiscard]] std::uint64_t files_removed() const;
  // Whether all that the run has written is where the next process finds it: no file says that rows are
  // missing, and none has gone.
  [[nodiscard]] bool can_resume(const StormRun& run) const;
  // Whether any file tells of the run's reload at this moment.
  [[nodiscard]] bool has_record_of(const std::string& run_id, Timestamp reload) const;

 private:
  using State = std::map<std::string, ShardState>;               // by path
  using Pieces = std::map<std::string, std::deque<ShardState>>;  // the files that had it, one after another

  void read_files();
  void find_set_aside(const std::string& path);
  [[nodiscard]] const std::string& path_of(std::uint32_t identity);
  void check_rows(const std::deque<StormRun>& runs);
  void check_row(const std::string& path, const Row& row, const std::deque<StormRun>& runs);
  void check_doubt(const ShardState& piece, const std::set<SensorTime>& again);
  void check_reloads(const std::deque<StormRun>& runs) const;
  void check_gaps(const std::deque<StormRun>& runs);
  void check_events(const std::deque<StormRun>& runs);
  void check_truth();
  [[nodiscard]] bool has_lost_files(const StormRun& run) const;
  [[nodiscard]] bool has_gaps(const std::string& run_id) const;
  void check_run_is_complete(const StormRun& run, Timestamp reached) const;
  [[nodiscard]] std::set<SensorTime> readings_there() const;

  const config::Config& config_;
  const identity::Roster& roster_;
  std::set<std::string> paths_;                   // that any process has planned
  std::map<std::uint32_t, std::string> path_of_;  // of identities, as far as asked
  std::set<std::string> set_aside_;               // files that were read
  Pieces removed_;                                // deleted or set aside
  Pieces pieces_;                                 // those and the ones that are there
  State before_;                                  // all pieces of each in one, as in the next one
  State now_;
  std::uint64_t rows_again_ = 0;           // that stand in two pieces
  std::map<std::string, Replay> replays_;  // by run
};

}  // namespace fleet_sim::test
