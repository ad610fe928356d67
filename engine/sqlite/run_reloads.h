// The reloads that changed what a run reads, as rows of `run_reloads`: run_info tells how a run began, these
// from when on it was another. A shard gets the row with the first rows it commits afterwards, in one
// transaction, so that no reading made under other settings is ever without it. The table is made when it is
// first needed.
#pragma once

#include <tbb/concurrent_vector.h>

#include <atomic>
#include <cstdint>
#include <string>

#include "base/timestamp.h"
#include "sqlite/schema.h"
#include "sqlite/sqlite.h"

namespace fleet_sim::sqlite {

struct RunReload {
  std::uint64_t number = 0;  // 1, 2, … of the run
  Timestamp at = 0;          // readings due from then on are made under the new settings
  std::string changes;       // what changed from what to what
  std::uint64_t fleet_size = 0;
  std::string config;  // the whole config in force from then on
  std::string config_hash;
  std::string fleet_hash;
};

// Those of the running process, in order. One thread adds, any thread reads those below size().
class RunReloads {
 public:
  void add(RunReload reload) {
    reload.number = reloads_.size() + 1;
    reloads_.push_back(std::move(reload));
    size_.store(reloads_.size(), std::memory_order_release);
  }
  [[nodiscard]] std::size_t size() const { return size_.load(std::memory_order_acquire); }
  [[nodiscard]] const RunReload& operator[](std::size_t i) const { return reloads_[i]; }

 private:
  tbb::concurrent_vector<RunReload> reloads_;
  std::atomic<std::size_t> size_{0};
};

// Within the transaction that writes the first rows after the reload.
StorageError record_reload(Database& database, const RunInfo& run, const RunReload& reload);

}  // namespace fleet_sim::sqlite
