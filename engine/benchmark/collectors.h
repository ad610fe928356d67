// Collectors at work: threads that poll the shards of a run for unsynced rows and mark what they got, with
// the same SQL as external collectors, while the writers write. The shards are dealt out among them, or
// shared when there are fewer shards. Owns its threads and connections; start, request_stop and stop on the
// main thread. A failing poll or mark is counted, never thrown.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/histogram.h"

namespace fleet_sim::benchmark {

struct CollectorTally {
  double seconds = 0;           // at work, together, warm-up included
  std::uint64_t collected = 0;  // rows polled and marked
  std::uint64_t errors = 0;     // polls and marks that failed, for instance because of a lock
  std::string first_error;
  Histogram poll;  // from asking to the last row
  Histogram mark;  // of as many rows, committed

  void add(const CollectorTally& other);
};

class Collectors {
 public:
  Collectors() = default;
  Collectors(const Collectors&) = delete;
  Collectors& operator=(const Collectors&) = delete;
  ~Collectors();

  // `paths` need not exist yet; a shard is visited as soon as it can be.
  void start(const std::vector<std::string>& paths, std::uint32_t count);

  // They end after the poll in progress.
  void request_stop() { stop_.store(true, std::memory_order_relaxed); }

  // Waits for their end; after that, no connection is open.
  void stop();

  // What they came to; only after stop().
  void add_to(CollectorTally& tally) const;

 private:
  struct Collector {
    std::vector<std::string> paths;
    CollectorTally tally;
  };
  void run(Collector& collector) const;

  std::vector<std::unique_ptr<Collector>> collectors_;
  std::vector<std::thread> threads_;
  std::atomic<bool> stop_{false};
};

}  // namespace fleet_sim::benchmark
