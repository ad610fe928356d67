// The reloader: takes up what changes in the config files and the identity files while the fleet runs, or
// refuses it with the reason and leaves everything as it was: the config as a whole, identities file by file.
// It looks at the files on a thread of its own, at the config's interval and when asked; parses, checks and
// plans there; only the swap itself is done between two windows of the scheduler. It reports what cannot
// change while running, and leaves that alone.
//
// Bounds: ReloadLimits bounds the swaps and the added or changed identities, because every identity that rows
// in memory may refer to is kept; and the entries that wait to be added to the scenario. While it works it
// holds the identities a second time.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
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
#include "files/file_watcher.h"
#include "fleet/fleet.h"
#include "identity/identity_changes.h"
#include "identity/standing_files.h"
#include "log/log.h"
#include "preview/scenario_check.h"
#include "scenario/entry.h"
#include "schedule/scheduler.h"
#include "sqlite/shard_plan.h"
#include "start/edition.h"
#include "start/follow_record.h"
#include "start/inputs.h"
#include "status/snapshot.h"
#include "status/status.h"
#include "tables/run_reloads.h"
#include "timeline/script.h"
#include "write/writer.h"

namespace fleet_sim::run {

// Of one run.
struct ReloadLimits {
  std::size_t reloads = 10'000;
  std::size_t new_identities = 2'000'000;  // added or changed
  std::size_t waiting_entries = 100;       // for the scenario
};

// What a reload works on. Borrowed; it outlives the reloader.
struct ReloadTargets {
  const start::Inputs& inputs;
  identity::Roster& roster;  // grows
  write::Places& places;     // of the roster's identities; grow
  start::Editions& editions;
  std::span<const std::unique_ptr<write::Writer>> writers;
  fleet::Fleet& fleet;
  schedule::Scheduler& scheduler;
  const tables::RunInfo& run;
  tables::RunReloads& reloads;
  ErrorCounts& errors;
  log::Log& log;
  Timestamp not_before;  // simulated; until then, a resumed run meets rows of an earlier process
  ReloadLimits limits = {};
  std::string_view takes_no_changes = {};  // why; empty: it does
};

class Reloader {
 public:
  // `latest` is what the fleet will be after the last recorded entry that it still has to repeat.
  Reloader(const ReloadTargets& targets, start::LatestEdition latest);
  ~Reloader() { stop(); }

  // Where the files and the config now differ from that, makes the difference a reload after all of those
  // entries, as far as that is allowed. Called once, before the scheduler and this start.
  void catch_up();

  void start();

  // Ends the thread, after a swap or a reading of files in progress. The scheduler must be running or have
  // finished.
  void stop();

  // Has the files checked now. Any thread.
  void check_now();

  // The same, and waits for the outcome, but not longer than this: what was carried out or refused; empty if
  // nothing has changed; none if it is not known yet. Any thread but the reloader's and those it waits for.
  std::optional<std::vector<status::ReloadRecord>> check_now(std::chrono::milliseconds at_most);

  // The same, with one more entry for the scenario, which stays when the files change; the outcome is that of
  // the entry. It has been checked, but for what the sensors and the time decide.
  status::AddedEntry add(scenario::Entry entry, std::chrono::milliseconds at_most);

  // What became of reloads so far. Any thread.
  [[nodiscard]] status::ReloadHistory history() const;

 private:
  // Config or identities: what is looked at, and what was refused last.
  struct Source {
    std::string_view what;
    ErrorClass error_class;
    files::FileWatcher files;
    std::string refused = {};
    std::uint64_t refused_sight = 0;
  };

  // What of a source was not taken, while the rest of it was; both empty: all was.
  struct Refused {
    std::string what;  // "2 identity files"
    std::string why;
  };

  void run();
  bool wait();
  void check();
  void answer();
  void attempt(Source& source, Refused (Reloader::*reload)());
  void take_entries();
  void take_entry(const scenario::Entry& entry);
  void note_sensors(const std::string& entry);
  [[nodiscard]] std::optional<std::uint64_t> count_met(const std::string& entry);
  [[nodiscard]] bool is_stopping() const;
  [[nodiscard]] std::optional<std::vector<status::ReloadRecord>> await_look(
      std::unique_lock<std::mutex>& lock, std::chrono::milliseconds at_most);
  Refused reload_config();
  Refused take(const config::Config& wanted, std::string_view what, const std::string& entry = {});
  [[nodiscard]] config::Config with_added(config::Config config) const;
  Refused reload_identities();
  bool change_identities(const identity::IdentityChanges& changes, const identity::Roster& wanted);
  [[nodiscard]] const identity::StandingFiles& standing();
  [[nodiscard]] start::Members members_not_kept(const identity::Taken& taken);
  void check_limits(std::size_t coming) const;
  void log_changes(const std::vector<config::ConfigChange>& changes);
  [[nodiscard]] std::vector<fleet::WantedSensor> place(const identity::IdentityChanges& changes,
                                                       const identity::Roster& wanted, start::Edition& next);
  [[nodiscard]] std::unordered_set<std::string_view> former_ids(const identity::IdentityChanges& changes,
                                                                const identity::Roster& wanted) const;
  bool swap_fleet(start::Edition next, fleet::FleetChange change, tables::RunReload reload);
  bool swap_now(std::shared_ptr<fleet::FleetChange> change, std::function<void(Timestamp)> begin,
                const std::string& detail);
  void record_now() const;
  void refuse(Source& source, const Refused& refused);
  void remember(bool accepted, std::string_view what, const std::string& detail,
                const std::string& entry = {});

  // Set between two windows, before whoever waits for the swap goes on.
  struct Followed {
    std::shared_ptr<const timeline::Script> script;
  };

  ReloadTargets targets_;
  start::LatestEdition latest_;
  bool catching_up_ = false;
  config::Config wanted_;  // what was taken up last: what runs, and what needs a restart
  std::optional<identity::StandingFiles> standing_;  // made when first needed
  std::size_t new_identities_ = 0;
  std::optional<sqlite::ShardPlaces> shards_;                          // made when first needed
  scenario::Entries added_;                                            // that no file has
  preview::Forgotten forgotten_;                                       // of what runs
  std::shared_ptr<Followed> followed_ = std::make_shared<Followed>();  // by the fleet, since it was changed
  std::optional<Source> config_;                                       // none: there is no config file
  std::optional<Source> identities_;

  mutable std::mutex mutex_;
  std::condition_variable woken_;
  std::condition_variable looked_;
  std::uint64_t asked_ = 0;                    // times; under mutex_
  std::uint64_t taken_up_ = 0;                 // … of which a look has begun; under mutex_
  std::uint64_t answered_ = 0;                 // … and has ended; under mutex_
  std::vector<status::ReloadRecord> outcome_;  // of that look; under mutex_
  scenario::Entries asked_entries_;            // that are still to be added; under mutex_
  bool stopping_ = false;                      // under mutex_
  status::ReloadHistory history_;              // under mutex_
  std::thread thread_;
};

}  // namespace fleet_sim::run
