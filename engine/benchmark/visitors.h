// Threads that visit the shards of a run while the writers write: collectors and people with questions. The
// shards are dealt out among them, or shared when there are fewer shards. Owns its threads and connections;
// start, request_stop and stop on the main thread. A visit that fails is counted, never thrown.
//
// A Visitor is one thread's connection to one shard. Its `visit(Tally&)` does some work there, if the shard
// is there yet, and adds to the tally, which has a member `add(const Tally&)`.
#pragma once

#include <atomic>
#include <cassert>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/timestamp.h"
#include "tables/database.h"

namespace fleet_sim::benchmark {

// Opens a shard that somebody is writing, once it has rows; false until then.
bool open_when_ready(const std::string& path, tables::Database& database);

// What a visit takes.
class Stopwatch {
 public:
  [[nodiscard]] Microseconds elapsed() const {
    const auto span = std::chrono::steady_clock::now() - began_;
    return std::chrono::duration_cast<std::chrono::microseconds>(span).count();
  }

 private:
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

template <class Visitor>
class Visitors {
 public:
  using Tally = typename Visitor::Tally;
  using Make = std::function<Visitor(const std::string& path)>;

  Visitors() = default;
  Visitors(const Visitors&) = delete;
  Visitors& operator=(const Visitors&) = delete;
  ~Visitors() { stop(); }

  // `paths` need not exist yet; a shard is visited as soon as it can be.
  void start(const std::vector<std::string>& paths, std::uint32_t count, const Make& make) {
    assert(count == 0 || !paths.empty());
    for (std::uint32_t i = 0; i < count; ++i) {
      auto round = std::make_unique<Round>();
      for (std::size_t p = i % paths.size(); p < paths.size(); p += count)
        round->visitors.push_back(make(paths[p]));
      rounds_.push_back(std::move(round));
      threads_.emplace_back([this, round = rounds_.back().get()] { run(*round); });
    }
  }

  // They end after the visit in progress.
  void request_stop() { stop_.store(true, std::memory_order_relaxed); }

  // Waits for their end; after that, no connection is open.
  void stop() {
    request_stop();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  // What they came to; only after stop().
  void add_to(Tally& tally) const {
    for (const auto& round : rounds_) tally.add(round->tally);
  }

 private:
  static constexpr std::chrono::milliseconds between_visits{
      1};  // so that no thread is a loop that eats a core

  struct Round {
    std::vector<Visitor> visitors;
    Tally tally;
  };

  void run(Round& round) const {
    std::vector<Visitor> visitors = std::move(round.visitors);  // which close their connections at the end
    while (true) {
      for (Visitor& visitor : visitors) {
        if (stop_.load(std::memory_order_relaxed)) return;
        visitor.visit(round.tally);
        std::this_thread::sleep_for(between_visits);
      }
    }
  }

  std::vector<std::unique_ptr<Round>> rounds_;
  std::vector<std::thread> threads_;
  std::atomic<bool> stop_{false};
};

}  // namespace fleet_sim::benchmark
