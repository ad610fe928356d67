// The reloader: takes up what changes in the config file and the identity files while the fleet runs, or
// refuses it with the reason and leaves everything as it was. It looks at the files on a thread of its own,
// at the config's interval and when asked; parses, checks and plans there; only the swap itself is done
// between two windows of the scheduler. What it may not change while running it names and leaves.
//
// Bounds: so many swaps, and added or changed identities, as ReloadLimits says, because what rows on their
// way say of their sensor is kept. While it works it holds the identities a second time.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <vector>

#include "base/errors.h"
#include "config/config_changes.h"
#include "config/config_watcher.h"
#include "fleet/fleet.h"
#include "identity/identity_changes.h"
#include "log/log.h"
#include "run/inputs.h"
#include "run/running_fleet.h"
#include "schedule/scheduler.h"
#include "sqlite/run_reloads.h"
#include "sqlite/shard_plan.h"
#include "status/snapshot.h"
#include "write/writer.h"

namespace fleet_sim::run {

// Of one run.
struct ReloadLimits {
  std::size_t reloads = 10'000;
  std::size_t new_identities = 2'000'000;  // added or changed
};

// The running parts. Borrowed; they outlive the reloader.
struct ReloadTargets {
  Inputs& inputs;           // its roster grows
  sqlite::ShardPlan& plan;  // its places grow
  std::span<const std::unique_ptr<write::Writer>> writers;
  fleet::Fleet& fleet;
  schedule::Scheduler& scheduler;
  sqlite::RunReloads& reloads;
  ErrorCounts& errors;
  log::Log& log;
  Timestamp not_before;  // simulated; until then a run that goes on meets rows of its former self
  ReloadLimits limits = {};
};

class Reloader {
 public:
  explicit Reloader(const ReloadTargets& targets);
  ~Reloader() { stop(); }

  void start();

  // Ends the thread, after a swap or a reading of files in progress. The scheduler must be running or have
  // finished.
  void stop();

  // Has the files looked at now. Any thread.
  void check_now();

  // The fleet as it is since the last reload. Any thread.
  [[nodiscard]] RunningFleet fleet() const;

  // What became of reloads so far. Any thread.
  [[nodiscard]] status::ReloadHistory history() const;
  [[nodiscard]] std::size_t sensors() const { return sensor_count_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t shards() const { return shard_count_.load(std::memory_order_relaxed); }

 private:
  // Config or identities: what is looked at, and what was refused last.
  struct Source {
    std::string_view what;
    ErrorClass error_class;
    config::ConfigWatcher files;
    std::string refused = {};
    std::uint64_t refused_sight = 0;
  };

  void run();
  bool wait();
  void check();
  void attempt(Source& source, void (Reloader::*reload)());
  void reload_config();
  void reload_identities();
  void check_limits(std::size_t coming) const;
  void log_changes(const std::vector<config::ConfigChange>& changes);
  [[nodiscard]] std::vector<fleet::WantedSensor> place(const identity::IdentityChanges& changes,
                                                       const identity::Roster& wanted);
  [[nodiscard]] std::unordered_set<std::string_view> former_ids(const identity::IdentityChanges& changes,
                                                                const identity::Roster& wanted) const;
  bool swap_fleet(const config::Config& next, std::span<const fleet::WantedSensor> wanted,
                  std::span<const std::uint32_t> removed,
                  const std::shared_ptr<const RunningFleet::Members>& members, const std::string& detail);
  void begin_edition(const config::Config& config,
                     const std::shared_ptr<const RunningFleet::Members>& members, double readings_per_second);
  void publish_paths(const RunningFleet::Paths& new_paths);
  void refuse(Source& source, const std::string& why);
  void remember(bool accepted, std::string_view what, const std::string& detail);

  ReloadTargets targets_;
  identity::Roster& roster_;
  config::Config running_;  // what the fleet runs under
  config::Config wanted_;   // what was taken up last: the same, and what needs a restart
  std::shared_ptr<const RunningFleet::Members> members_;
  std::size_t invalid_;  // identities left out
  std::size_t new_identities_ = 0;
  std::optional<sqlite::ShardPlaces> places_;  // made when first needed
  std::optional<Source> config_;               // none: there is no config file
  std::optional<Source> identities_;
  std::atomic<std::size_t> sensor_count_;
  std::atomic<std::size_t> shard_count_;

  mutable std::mutex mutex_;
  std::condition_variable woken_;
  bool asked_ = false;             // under mutex_
  bool stopping_ = false;          // under mutex_
  status::ReloadHistory history_;  // under mutex_
  RunningFleet fleet_;             // under mutex_
  std::thread thread_;
};

}  // namespace fleet_sim::run
