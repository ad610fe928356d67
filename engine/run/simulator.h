// The simulator: one run from identity files to closed shards. It builds the rooms in order, starts the
// writers before the scheduler and stops them after it, so that every reading that was generated is committed
// or counted as lost. Lives on the main thread; owns everything that runs.
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/errors.h"
#include "base/exit_code.h"
#include "base/histogram.h"
#include "base/ledger.h"
#include "batch/batch_queue.h"
#include "fleet/fleet.h"
#include "log/console.h"
#include "log/log.h"
#include "run/directory_lock.h"
#include "run/inputs.h"
#include "run/reloader.h"
#include "run/resume.h"
#include "run/sinks.h"
#include "schedule/scheduler.h"
#include "sqlite/shard_plan.h"
#include "status/snapshot.h"
#include "write/writer.h"

namespace fleet_sim::run {

class StopSignals;

class Simulator {
 public:
  // Plans the shards, builds the fleet and opens storage. Throws InvalidInput or NoStorage.
  Simulator(Inputs inputs, log::Console& console, log::Log& log, ErrorCounts& errors);

  // Runs until the time is over, a signal comes, or the error limit is reached; then drains and prints the
  // summary.
  ExitCode run(StopSignals& signals);

  // The same without the summary: what a benchmark times.
  void drive(StopSignals& signals);

  // The steps of drive(), each once and in this order, for who has something to do between them. `goes_on` is
  // asked every 50 ms whether the run shall go on.
  using GoesOn = std::function<bool(const status::Snapshot&)>;
  void start();
  void watch(StopSignals& signals, const GoesOn& goes_on = {});
  void drain(StopSignals& signals);

  // Called about every 50 ms on the main thread, from start() on until the last writer has ended.
  void observe(std::function<void(const status::Snapshot&)> observer) { observer_ = std::move(observer); }

  // Ends the run as a signal would. Any thread.
  void request_stop() { stop_requested_.store(true, std::memory_order_release); }

  // What the run is made of, for the status. All but the fleet may be read by any thread from start() on; the
  // fleet only between two windows of the scheduler.
  struct Parts {
    const Inputs& inputs;
    const sqlite::RunInfo& run;
    const sqlite::ShardPlan& plan;
    const schedule::Schedule& schedule;
    const batch::BatchPool& pool;
    fleet::Fleet& fleet;
    schedule::Scheduler& scheduler;
    std::span<const std::unique_ptr<write::Writer>> writers;
    log::Log& log;
    Reloader* reloader;  // none: there are no files to reload
  };
  [[nodiscard]] Parts parts() const {
    return {inputs_, run_, plan_, schedule_, *pool_, *fleet_, *scheduler_, writers_, log_, reloader_.get()};
  }

  // Where the run stands, from start() on.
  [[nodiscard]] status::Snapshot snapshot() const;
  // Adds the lag of every reading committed so far.
  void add_lag_to(Histogram& lag) const;

 private:
  void plan_storage();
  void make_data_directory();
  void lock_data_directory();
  void keep_lock();
  void set_aside_corrupt(const sqlite::ExistingFiles& existing);
  void begin_without(const std::string& target, const write::Failure& failure);
  void set_clock();
  void take_up_run();
  void build_writers();
  void open_ahead(write::Writer& writer, const std::vector<std::string>& targets);
  void log_start();
  void log_writer(const std::string& line);
  void report(const status::Snapshot& now);
  void log_faults();
  void log_deletions(const status::Snapshot& now);
  [[nodiscard]] double behind_seconds() const;
  void build_reloader();
  [[nodiscard]] ExitCode settle();

  Inputs inputs_;
  const SinkKind& sink_;
  log::Console& console_;
  log::Log& log_;

  DirectoryLock lock_;
  bool lock_is_contested_ = false;  // somebody took it while it was gone
  sqlite::RunInfo run_;
  sqlite::ShardPlan plan_;
  Resumption resumption_{};  // of a run that goes on
  schedule::Schedule schedule_;
  Ledger ledger_;
  ErrorCounts& errors_;
  sqlite::RunReloads reloads_;
  std::unique_ptr<batch::BatchPool> pool_;
  std::unique_ptr<fleet::Fleet> fleet_;
  std::vector<std::unique_ptr<write::Writer>> writers_;
  std::unique_ptr<schedule::Scheduler> scheduler_;

  std::unique_ptr<Reloader> reloader_;  // none: there are no files to reload
  std::uint64_t due_before_start_ = 0;

  std::vector<std::thread> writer_threads_;
  std::atomic<std::size_t> writers_at_work_{0};
  std::atomic<bool> gave_up_{false};
  std::atomic<bool> stop_requested_{false};
  std::function<void(const status::Snapshot&)> observer_;
  SteadyTime started_{};
  std::deque<status::Snapshot> shown_;  // in the lines of progress of the last seconds
  status::Snapshot logged_;             // in the last summary of the log
  status::Snapshot deletions_logged_;
  double furthest_behind_seconds_ = 0;
};

}  // namespace fleet_sim::run
