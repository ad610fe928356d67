// One process of a storm: fleet, pool and writers as the simulator wires them, moved step by step on one
// thread by a clock that only the storm turns, among reloads, faults of the disk, files that go, and a
// collector that takes locks. It stops as a process should, or dies: then every connection is dropped where
// it stands.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/ledger.h"
#include "batch/batch_queue.h"
#include "config/config.h"
#include "fleet/agenda.h"
#include "fleet/fleet.h"
#include "history/history.h"
#include "identity/identity.h"
#include "identity/identity_changes.h"
#include "sqlite/shard_plan.h"
#include "sqlite/sqlite_sink.h"
#include "start/edition.h"
#include "start/resumption.h"
#include "storm/dice.h"
#include "storm/edition.h"
#include "storm/replay.h"
#include "storm/weather.h"
#include "support/fake_sink.h"
#include "support/faulty_vfs.h"
#include "tables/run_reloads.h"
#include "write/writer.h"

namespace fleet_sim::test {

// What the storm has found out about the engine.
struct Found : std::runtime_error {
  using std::runtime_error::runtime_error;
};
inline void demand(bool holds, const std::string& what) {
  if (!holds) throw Found(what);
}

// What outlives a process.
struct Ground {
  const config::Config& config;  // of which reloads leave the database and the sharding as they are
  identity::Roster& roster;      // grows with every reload
  FaultyVfs& vfs;
  Dice& dice;
  std::function<void(const std::string& path)> before_deleting;
  FakeStore* fake = nullptr;  // where rows go instead of files
};

// A run, over all processes that have been at work on it.
struct StormRun {
  tables::RunInfo info;
  std::vector<Edition> editions;  // the first is what it began with
  Timestamp until = 0;            // no reading due from then on has been taken
  std::set<SensorTime> skipped;
  bool has_skipped = false;  // or left out what would not have been written in any case
  unsigned processes = 0;
  std::uint64_t lost = 0;
  std::uint64_t events_lost = 0;
};

class Process {
 public:
  Process(const Ground& ground, StormRun& run, bool resumes, const Fortune& fortune);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // Until it has stopped, or died. Throws Found.
  void live();

  // Ends all connections, where they stand. What is asked about the process stays.
  void drop_connections();

  [[nodiscard]] bool died() const { return died_; }
  [[nodiscard]] Books books() const { return ledger_.books(); }
  [[nodiscard]] std::size_t reloads() const { return reloads_.size(); }
  // Readings that waited in shards at the end or were counted as lost, and may have reached a file all the
  // same: those whose commit failed when everything was in the log already.
  [[nodiscard]] std::uint64_t in_doubt() const { return held_ + books().lost(); }
  // Those which the writers took a flush interval before their last step, or earlier.
  [[nodiscard]] std::vector<SensorTime> overdue() const;
  // All readings that a writer was given, in order.
  [[nodiscard]] std::vector<FakeStore::Row> handed(std::size_t writer) const;
  // Every reading due before this moment has been taken.
  [[nodiscard]] Timestamp reached() const { return reached_; }
  [[nodiscard]] const sqlite::ShardPlan& plan() const { return plan_; }

 private:
  struct Died {};
  struct Collector {
    tables::Database database;
    SteadyTime until;
  };
  struct Handed {
    SensorTime reading;
    std::uint32_t sensor;
    std::optional<SteadyTime> taken;
  };

  [[nodiscard]] std::optional<history::History> read_history() const;
  [[nodiscard]] sqlite::ShardPlan plan_of_all() const;
  void build_fleet();
  void take_up();
  void follow_agenda();
  void build_writers(std::vector<start::Resumption::FoundShards> found);
  void run_steps();
  void stop();
  void disturb();
  void reload();
  void settle_owed();
  void carry_out(Timestamp until);
  void record_now();
  [[nodiscard]] fleet::FleetChange plan_reload(const Edition& next, std::vector<std::uint32_t>& identities,
                                               std::vector<std::uint32_t>& removed);
  [[nodiscard]] std::vector<fleet::WantedSensor> place(const identity::IdentityChanges& changes);
  [[nodiscard]] bool was_in_fleet(std::string_view id) const;
  void break_disk();
  void delete_file();
  void send_collector();
  void end_collection(bool commits);
  void tick();
  void skip(fleet::Cohort& cohort, Timestamp until);
  void count(const fleet::Tally& tally);
  [[nodiscard]] bool has_room(std::uint32_t writer) const;
  [[nodiscard]] std::size_t batches_in_use() const;
  batch::Batch& room_for(std::uint32_t writer, std::size_t events);
  void wait_for_batch();
  void be_patient(unsigned waits, const char* complaint);
  [[nodiscard]] bool waits_for_space() const;
  void hand_over(std::uint32_t writer);
  void step();
  void pass_time(SteadyTime now);
  [[nodiscard]] std::unique_ptr<write::Sink> make_sink(sqlite::ExpectedFiles files) const;
  [[nodiscard]] std::uint64_t count_held() const;
  void check_losses(const Books& before) const;
  void check_memory() const;

  Ground ground_;
  StormRun& run_;
  Fortune fortune_;
  std::optional<history::History> history_;  // of a run that goes on
  sqlite::ShardPlan plan_;
  sqlite::ShardPlaces places_;
  batch::BatchPool pool_;
  SimulationClock clock_{0, {}, fortune_.paced ? std::optional(1.0) : std::nullopt};
  Ledger ledger_;
  ErrorCounts errors_;
  tables::RunReloads reloads_;
  tables::RunInfo info_;
  sqlite::ShardContext shard_context_;
  start::Resumption resumption_{};
  start::Editions editions_;
  fleet::Agenda agenda_;
  std::unique_ptr<fleet::Fleet> fleet_;
  std::vector<std::unique_ptr<write::Writer>> writers_;
  std::vector<batch::Batch*> carried_;
  std::vector<std::size_t> queued_;          // batches per writer that may be in its queue
  std::vector<std::vector<Handed>> handed_;  // per writer
  std::vector<SteadyTime> stepped_;          // per writer, the last time
  std::optional<Collector> collector_;
  SteadyTime now_;
  SteadyTime disk_heals_;
  std::uint64_t due_before_start_ = 0;
  Timestamp no_reload_before_ = 0;  // until then a run that goes on meets its former rows
  Timestamp reached_ = 0;
  std::uint64_t events_handed_ = 0;
  std::size_t largest_batch_ = 0;  // readings
  std::uint64_t held_ = 0;
  bool gave_up_ = false;
  bool impatient_ = false;        // somebody wants the run to end: it waits for no space any more
  bool only_space_lacks_ = true;  // among all that has been broken
  bool died_ = false;
};

}  // namespace fleet_sim::test
