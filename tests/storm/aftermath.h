// What a data directory holds after each process of a storm, and whether it may. Reads every file afresh,
// with connections that know of no storm. Throws Found. One thread.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "storage/shard_plan.h"
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
  std::set<std::string> with_gaps;  // runs of which it says so
};

class Aftermath {
 public:
  Aftermath(const Config& config, const Roster& roster) : config_(config), roster_(roster) {}

  // The process has ended by itself or has died, but the power is on: what it left is what was there before
  // and what it says it has written.
  void inspect(const Process& process, const std::deque<StormRun>& runs, bool calm);

  // The power has failed: each file has lost at most its last commits; none, if every commit was synced and
  // the file is beyond its first checkpoint. A file that is not may be gone, or torn and then set aside.
  void inspect_after_power_failure(const UnsyncedWrites& disk, std::uint64_t in_doubt,
                                   const std::deque<StormRun>& runs);

  [[nodiscard]] std::uint64_t rows() const;
  // Whether a file says that rows of the run are missing between others.
  [[nodiscard]] bool has_gaps(const std::string& run_id) const;

 private:
  using State = std::map<std::string, ShardState>;  // by path

  void read_files(const ShardPlan& plan);
  void check_rows(const ShardPlan& plan, const std::deque<StormRun>& runs);
  void check_row(const Row& row, const StormRun& run, const Reading& expected) const;
  void check_gaps(const ShardPlan& plan, const std::deque<StormRun>& runs);
  void check_events(const std::deque<StormRun>& runs);
  void check_run_is_complete(const StormRun& run, Timestamp reached) const;
  [[nodiscard]] std::set<SensorTime> readings_there() const;

  const Config& config_;
  const Roster& roster_;
  ShardPlan plan_;
  State before_;
  State now_;
  std::map<std::string, Replay> replays_;  // by run
};

}  // namespace fleet_sim::test
