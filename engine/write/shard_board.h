// What a writer reports about its shards while it works: how many rows each has been given and holds back,
// and what is wrong with it. The writer's thread posts, any thread reads; numbers are relaxed atomics,
// troubles, which are few and change rarely, are under a mutex.
#pragma once

#include <tbb/concurrent_vector.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/timestamp.h"

namespace fleet_sim::write {

class ShardBoard {
 public:
  struct Trouble {
    bool degraded = false;  // its retries have run out
    Timestamp since = 0;
    std::string error;
  };
  struct Numbers {
    std::uint64_t rows_written = 0;  // readings
    std::uint64_t rows_waiting = 0;  // readings and events
    Timestamp last_commit = 0;       // 0: none in this run
    // Every reading that arrived before has been settled. The earliest moment: not known of any.
    Timestamp complete_until = earliest_timestamp;
  };

  // A log that somebody keeps from being emptied.
  struct HeldLog {
    std::uint64_t bytes = 0;
    SteadyTime since{};
  };

  explicit ShardBoard(std::size_t shards) : entries_(shards) {}

  // For shards that come while the writer works.
  void add_shards(std::size_t count) { entries_.grow_by(count); }

  void post_waiting(std::size_t shard, std::uint64_t rows) {
    entries_[shard].rows_waiting.store(rows, std::memory_order_relaxed);
  }
  void post_commit(std::size_t shard, std::uint64_t rows) {
    Entry& entry = entries_[shard];
    entry.rows_written.store(entry.rows_written.load(std::memory_order_relaxed) + rows,
                             std::memory_order_relaxed);
    entry.rows_waiting.store(0, std::memory_order_relaxed);
    entry.last_commit.store(system_now(), std::memory_order_relaxed);
  }
  void post_complete(std::size_t shard, Timestamp until) {
    std::atomic<Timestamp>& complete = entries_[shard].complete_until;
    if (until > complete.load(std::memory_order_relaxed)) complete.store(until, std::memory_order_relaxed);
  }
  void post_trouble(std::size_t shard, bool degraded, const std::string& error) {
    const std::lock_guard lock(mutex_);
    Trouble& trouble = troubles_.try_emplace(shard, Trouble{false, system_now(), {}}).first->second;
    trouble.degraded = degraded;
    trouble.error = error;
  }
  void post_recovery(std::size_t shard) {
    const std::lock_guard lock(mutex_);
    troubles_.erase(shard);
  }

  void post_held_log(std::size_t shard, const HeldLog& log) {
    const std::lock_guard lock(mutex_);
    held_logs_[shard] = log;
  }
  void post_emptied_log(std::size_t shard) {
    const std::lock_guard lock(mutex_);
    held_logs_.erase(shard);
  }

  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] Numbers numbers(std::size_t shard) const {
    const Entry& entry = entries_[shard];
    return {entry.rows_written.load(std::memory_order_relaxed),
            entry.rows_waiting.load(std::memory_order_relaxed),
            entry.last_commit.load(std::memory_order_relaxed),
            entry.complete_until.load(std::memory_order_relaxed)};
  }
  [[nodiscard]] std::optional<Trouble> trouble(std::size_t shard) const {
    const std::lock_guard lock(mutex_);
    const auto found = troubles_.find(shard);
    return found == troubles_.end() ? std::nullopt : std::optional(found->second);
  }
  [[nodiscard]] std::optional<HeldLog> held_log(std::size_t shard) const {
    const std::lock_guard lock(mutex_);
    const auto found = held_logs_.find(shard);
    return found == held_logs_.end() ? std::nullopt : std::optional(found->second);
  }
  [[nodiscard]] std::map<std::size_t, HeldLog> held_logs() const {
    const std::lock_guard lock(mutex_);
    return held_logs_;
  }
  [[nodiscard]] std::map<std::size_t, Trouble> troubles() const {
    const std::lock_guard lock(mutex_);
    return troubles_;
  }

 private:
  struct Entry {
    std::atomic<std::uint64_t> rows_written{0};
    std::atomic<std::uint64_t> rows_waiting{0};
    std::atomic<Timestamp> last_commit{0};
    std::atomic<Timestamp> complete_until{earliest_timestamp};
  };

  tbb::concurrent_vector<Entry> entries_;
  mutable std::mutex mutex_;
  std::map<std::size_t, Trouble> troubles_;
  std::map<std::size_t, HeldLog> held_logs_;
};

}  // namespace fleet_sim::write
