// Retention: keeps shards as young and as small as `database.retention` says, by deleting their oldest rows
// while the writer continues. It is the one thing that deletes rows. One per writer, with a thread of its
// own; it opens a shard only for the time it works on it, so it holds one connection at most.
//
// The writer asks after each commit. A shard's turn comes once a second at most, and is a series of short
// transactions with pauses in between, in which the writer and collectors get the lock. They wait no longer
// for it than for any other lock; retention itself tries for a second or two, then leaves the shard until its
// next turn. If rows come faster than they can be deleted this way, the file grows meanwhile.
//
// An error is logged once per shard, and the work is tried again at its next turn.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "config/config.h"
#include "sqlite/oldest_rows.h"
#include "tables/database.h"

namespace fleet_sim::sqlite {

class Retention {
 public:
  // `log` gets one line per change of state. Borrows the settings.
  Retention(const config::SqliteSettings& settings, std::string vfs,
            std::function<void(const std::string&)> log);
  ~Retention();
  Retention(const Retention&) = delete;
  Retention& operator=(const Retention&) = delete;

  // Asks for a look at this shard's oldest rows soon. The writer's thread.
  void request(const std::string& path);

  // Ends the thread after the transaction in progress. The writer's thread, before it closes the shards.
  void stop();

  // What has been deleted so far. Any thread.
  [[nodiscard]] std::uint64_t readings_deleted() const { return readings_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t events_deleted() const { return events_.load(std::memory_order_relaxed); }

 private:
  void run();
  void take_turn(const std::string& path);
  tables::StorageError delete_from(tables::Database& shard, bool& held_back);
  [[nodiscard]] bool is_stopping();
  bool pause(std::chrono::steady_clock::duration span);
  void note_state(const std::string& path, const tables::StorageError& error, bool held_back);

  const config::SqliteSettings& settings_;
  std::string vfs_;
  std::function<void(const std::string&)> log_;
  std::atomic<std::uint64_t> readings_{0};
  std::atomic<std::uint64_t> events_{0};

  std::set<std::string> failing_;    // the thread's
  std::set<std::string> held_back_;  // the thread's

  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string> requested_;  // at most every shard of the writer once
  bool stopping_ = false;
  std::thread thread_;  // last: it uses everything above
};

}  // namespace fleet_sim::sqlite
