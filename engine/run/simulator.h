// The simulator: one run from identity files to closed shards. It builds the rooms in order, starts the
// writers before the scheduler and stops them after it, so that every reading that was generated is committed
// or counted as lost. Lives on the main thread; owns everything that runs.
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/errors.h"
#include "base/histogram.h"
#include "base/ledger.h"
#include "batch/batch_queue.h"
#include "data/directory_lock.h"
#include "fleet/fleet.h"
#include "log/console.h"
#include "log/log.h"
#include "manifest/manifest.h"
#include "run/exit_code.h"
#include "run/reloader.h"
#include "schedule/scheduler.h"
#include "sqlite/shard_plan.h"
#include "start/edition.h"
#include "start/filling.h"
#include "start/follow_record.h"
#include "start/forecast.h"
#include "start/inputs.h"
#include "start/resumption.h"
#include "start/sinks.h"
#include "status/snapshot.h"
#include "write/writer.h"

namespace fleet_sim::run {

class StopSignals;

class Simulator {
 public:
  // Plans the shards, builds the fleet and opens storage. Throws InvalidInput or NoStorage.
  Simulator(start::Inputs inputs, log::Console& console, log::Log& log, ErrorCounts& errors);

  // Runs until the time is over, a signal comes, or the error limit is reached; then drains and prints the
  // summary.
  ExitCode run(StopSignals& signals);

  // The same without the summary: what a benchmark times.
  void drive(StopSignals& signals);

  // The steps of drive(), each once and in this order, for callers that have something to do between them.
  // `keeps_running` is asked every wake_interval whether the run should continue.
  using KeepsRunning = std::function<bool(const status::Snapshot&)>;
  void start();
  void watch(StopSignals& signals, const KeepsRunning& keeps_running = {});
  void drain(StopSignals& signals);

  // Called about every wake_interval on the main thread, from start() on until the last writer has ended.
  void observe(std::function<void(const status::Snapshot&)> observer) { observer_ = std::move(observer); }

  // Ends the run as a signal would. Any thread.
  void request_stop() { stop_requested_.store(true, std::memory_order_release); }

  // What does not change during the run. Any thread, from start() on.
  [[nodiscard]] const start::Inputs& inputs() const { return inputs_; }
  [[nodiscard]] const tables::RunInfo& info() const { return run_; }
  [[nodiscard]] const schedule::Schedule& schedule() const { return *schedule_; }
  [[nodiscard]] std::span<const std::unique_ptr<write::Writer>> writers() const { return writers_; }
  [[nodiscard]] log::Log& log() const { return log_; }

  // What the fleet is made of now. Roster and places only grow: those of an edition's members are there.
  [[nodiscard]] std::shared_ptr<const start::Edition> edition() const { return editions_.current(); }
  [[nodiscard]] const identity::Roster& roster() const { return roster_; }
  [[nodiscard]] const types::SensorType& type_of(std::uint32_t sensor) const {
    return (*inputs_.types)[roster_.text(roster_[sensor].type)];
  }
  [[nodiscard]] write::Place place_of(std::uint32_t sensor) const { return places_[sensor]; }
  [[nodiscard]] std::size_t batches_in_use() const { return pool_->in_use(); }
  [[nodiscard]] std::size_t batches_limit() const { return pool_->size(); }
  // Everything has been handed to the writers.
  [[nodiscard]] bool draining() const { return scheduler_->wait_for(std::chrono::milliseconds(0)); }

  // Has the files checked now, if there are any. Any thread.
  void reload_now();
  // The same, and waits for the outcome, but not longer than this; see Reloader::check_now. Not the main
  // thread.
  std::optional<std::vector<status::ReloadRecord>> reload_now(std::chrono::milliseconds at_most);

  // The same, with one more entry for the scenario; see Reloader::add. Only if the run can be reloaded.
  status::AddedEntry add_entry(scenario::Entry entry, std::chrono::milliseconds at_most);
  [[nodiscard]] bool can_reload() const { return reloader_ != nullptr; }

  // Has `work` done on the fleet between two windows; see Scheduler::between_windows. Any thread.
  void between_windows(std::function<void(fleet::Fleet&, fleet::Agenda&)> work);

  // Why the fleet may not be changed while it runs; empty when it may.
  [[nodiscard]] std::string_view takes_no_changes() const {
    return schedule_->by_sensor ? start::no_changes_by_sensor : std::string_view();
  }

  // No shard has a row of an earlier process due then or later: until then, what happens to the fleet is what
  // happened to it before.
  [[nodiscard]] Timestamp all_new_from() const { return resumption_.all_new_from; }

  // Every reading due before this has been taken; those due from the end on are not. Any thread, from start()
  // on.
  [[nodiscard]] Timestamp reached() const { return scheduler_->reached(); }
  [[nodiscard]] Timestamp end() const { return scheduler_->end(); }
  // Notes in the manifest that the anomaly will begin, as somebody has asked. The conductor.
  void note_injection(const batch::AnomalyEvent& event) const;
  void note_progress(bool durable = false);

  // Where the run stands, from start() on.
  [[nodiscard]] status::Snapshot snapshot() const;
  // Adds the lag of every reading committed so far.
  void add_lag_to(Histogram& lag) const;

 private:
  void plan_storage();
  void remove_leftovers();
  void refuse_doubling() const;
  void make_data_directory();
  void check_rights() const;
  void lock_data_directory();
  void begin_manifest();
  [[nodiscard]] std::vector<manifest::Injected> injected_so_far() const;
  [[nodiscard]] manifest::Injected named(const batch::AnomalyEvent& event) const;
  void keep_lock();
  void set_aside_corrupt(const sqlite::ExistingFiles& existing);
  void begin_without(const std::string& target, const write::Failure& failure);
  void set_clock();
  void choose_filling();
  void build_fleet();
  void build_writers();
  void open_ahead(write::Writer& writer, const std::vector<write::Target>& targets);
  void log_start();
  using SayInLog = void (log::Log::*)(log::LogEvent, std::string_view, const log::LogFields&);
  void log_writer(SayInLog say, const std::string& line);
  void report(const status::Snapshot& now);
  void log_catching_up();
  void log_faults();
  void log_deletions(const status::Snapshot& now);
  void log_unfinished();
  [[nodiscard]] double behind_seconds() const;
  void stop_waiting();
  void build_reloader(start::LatestEdition latest);
  [[nodiscard]] std::string losses_hint(const Books& books) const;
  [[nodiscard]] ExitCode settle();

  identity::Roster roster_;       // of all identities that any edition has
  const start::Inputs inputs_;    // without the roster
  config::SqliteSettings files_;  // as in the config, with what that leaves to the run
  const start::SinkKind& sink_;
  log::Console& console_;
  log::Log& log_;

  data::DirectoryLock lock_;
  bool lock_is_contested_ = false;  // another process took it while it was lost
  tables::RunInfo run_;
  std::optional<manifest::Manifest> manifest_;  // none: the run leaves none behind
  std::optional<SteadyTime> progress_noted_;    // in it
  bool progress_failed_ = false;                // and that was said
  start::Forecast forecast_{};                  // of a run that is not resumed
  std::size_t files_to_make_ = 0;               // before the first reading
  sqlite::ShardPlan plan_;                      // of the start
  write::Places places_;                        // of the roster's identities
  start::Editions editions_;
  start::Resumption resumption_{};  // of a resumed run
  std::optional<SimulationClock> clock_;
  std::optional<schedule::Schedule> schedule_;
  Ledger ledger_;
  ErrorCounts& errors_;
  tables::RunReloads reloads_;
  std::unique_ptr<batch::BatchPool> pool_;
  std::unique_ptr<fleet::Fleet> fleet_;
  std::vector<std::unique_ptr<write::Writer>> writers_;
  std::unique_ptr<schedule::Scheduler> scheduler_;

  std::unique_ptr<Reloader> reloader_;  // none: there are no files to reload
  std::vector<std::thread> writer_threads_;
  std::atomic<std::size_t> writers_at_work_{0};
  std::atomic<bool> gave_up_{false};
  std::atomic<bool> stop_requested_{false};
  bool stopped_by_signal_ = false;
  std::function<void(const status::Snapshot&)> observer_;
  SteadyTime started_{};
  bool fills_history_ = false;          // as the log knows
  std::deque<status::Snapshot> shown_;  // in the lines of progress of the last seconds
  status::Snapshot logged_;             // in the last summary of the log
  status::Snapshot deletions_logged_;
  double furthest_behind_seconds_ = 0;
};

}  // namespace fleet_sim::run
