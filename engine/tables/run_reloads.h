// The record of what a run reads: how its fleet began, and the reloads that changed it. run_info has the
// config that a run began with, `run_reloads` the whole config from each reload on, and `run_identities`
// which sensors there were (run_identities.h). A shard gets these rows with the first rows it commits
// afterwards, in one transaction, so that no reading made under other settings is ever without them; one
// shard gets them at once, so that a reload after which nothing is due for long can be followed too. The
// tables are made when they are first needed.
#pragma once

#include <tbb/concurrent_vector.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/timestamp.h"
#include "identity/identity.h"
#include "tables/database.h"
#include "tables/run_identities.h"
#include "tables/schema.h"

namespace fleet_sim::tables {

struct RunReload {
  std::uint64_t number = 0;  // 1, 2, … of the run
  Timestamp at = 0;          // readings due from then on are made under the new settings
  std::string changes;       // what changed from what to what
  std::uint64_t fleet_size = 0;
  std::string config;  // the whole config in force from then on
  std::string config_hash;
  std::string fleet_hash;
  std::vector<std::uint32_t> identities = {};  // added, or changed to this: indices into the roster
  std::vector<std::uint32_t> removed = {};
};

// Those of the running process and of the ones before it that worked on the run, in order. One thread adds,
// any thread reads those below size() and says what has been recorded.
class RunReloads {
 public:
  RunReloads() { recordings_.grow_by(1); }

  // The sensors of the fleet as it began. Before anything is recorded.
  void begin_with(Timestamp start, std::vector<std::uint32_t> members) {
    began_with_ = {0, start, std::move(members)};
  }
  // None: a run whose fleet is not recorded.
  [[nodiscard]] const IdentityEntry& began_with() const { return began_with_; }

  void add(RunReload reload) {
    reload.number = reloads_.size() + 1;
    recordings_.grow_by(1);
    reloads_.push_back(std::move(reload));
    size_.store(reloads_.size(), std::memory_order_release);
    if (listener_) listener_(reloads_.back());
  }
  // Hears of each reload from now on, on the thread that adds it, before anything is read under it.
  void tell(std::function<void(const RunReload&)> listener) { listener_ = std::move(listener); }
  [[nodiscard]] std::size_t size() const { return size_.load(std::memory_order_acquire); }
  [[nodiscard]] const RunReload& operator[](std::size_t i) const { return reloads_[i]; }

  // Whether one more shard is to tell the identities of an entry: the start, or the reload with this number.
  // Those that a large fleet began with take seconds, so only one shard at a time is told to, until its
  // transaction ends. A run that is killed before that can be resumed with the files it was given.
  [[nodiscard]] bool records_identities(std::uint64_t number, std::size_t identities,
                                        const Database& shard) const {
    const std::uint64_t shards = recordings_[number].load(std::memory_order_relaxed);
    if ((shards + 1) * identities <= most_identities_recorded) return true;
    if (shards > 0 || number > 0) return shards == 0;
    const Database* recorder = nullptr;
    return recorder_.compare_exchange_strong(recorder, &shard) || recorder == &shard;
  }
  // The shard's transaction has ended, one way or the other. After note_recorded.
  void end_recording(const Database& shard) const {
    const Database* recorder = &shard;
    recorder_.compare_exchange_strong(recorder, nullptr);
  }
  // A shard has committed its part of the entry. That of a large fleet's start is what its recorder commits.
  void note_recorded(std::uint64_t number, const Database& shard) const {
    const bool is_large = number == 0 && began_with_.identities.size() > most_identities_recorded;
    if (!is_large || recorder_ == &shard) recordings_[number].fetch_add(1, std::memory_order_relaxed);
  }

 private:
  static constexpr std::uint64_t most_identities_recorded = 100'000;  // about 20 MB, over all shards

  IdentityEntry began_with_;
  std::function<void(const RunReload&)> listener_;
  tbb::concurrent_vector<RunReload> reloads_;
  mutable tbb::concurrent_vector<std::atomic<std::uint64_t>> recordings_;  // by number: in how many shards
  mutable std::atomic<const Database*> recorder_{nullptr};                 // of a large fleet, just now
  std::atomic<std::size_t> size_{0};
};

// Within the transaction that writes the first rows of the run, and of those after the reload. Nothing for a
// run without a record.
StorageError record_start(Database& database, const RunInfo& run, const identity::Roster& roster);
StorageError record_reload(Database& database, const RunInfo& run, const identity::Roster& roster,
                           const RunReload& reload);

// Records a reload in a shard that has rows of the run already, at once and independently of its writer; and
// those before it that the shard has not recorded yet, because the shards that have may lose them when the
// power fails. False if that is not possible soon; the shard then gets it with its next rows.
bool record_reload_now(const std::string& path, const RunInfo& run, const identity::Roster& roster,
                       const RunReload& reload, const std::string& vfs = {});

// The run's reloads as a shard records them, without identities.
StorageError read_reloads(Database& database, const std::string& run_id, std::vector<RunReload>& reloads);

}  // namespace fleet_sim::tables
