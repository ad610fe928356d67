// How batches travel: a fixed pool of them, and one lock-free queue per writer. The pool is the only bound:
// when every batch is in use, generators wait for one, which is how a slow disk slows the fleet down. Taking,
// pushing and popping are lock-free; a mutex is touched only to fall asleep and to wake a sleeper. Any
// thread.
#pragma once

#include <atomic>
#include <boost/lockfree/queue.hpp>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "batch/batch.h"

namespace fleet_sim::batch {

// A lock-free queue of pointers whose readers may sleep until something comes.
class BatchQueue {
 public:
  // Holds at most `capacity` batches; there are never more, since the pool has no more.
  explicit BatchQueue(std::size_t capacity);

  void push(Batch* batch);

  // Null when there is nothing.
  [[nodiscard]] Batch* pop();

  [[nodiscard]] bool empty() const { return batches_.empty(); }

  // Waits until there is a batch, the deadline has come, or somebody called wake().
  void wait_until(std::chrono::steady_clock::time_point deadline);

  // Ends a wait, the present or the next one.
  void wake();

 private:
  boost::lockfree::queue<Batch*> batches_;
  std::atomic<int> sleepers_{0};
  std::mutex mutex_;
  std::condition_variable arrived_;
  bool woken_ = false;  // under mutex_
};

class BatchPool {
 public:
  explicit BatchPool(std::size_t size);

  // Waits until a batch is free; a writer that takes batches from a queue gives them back.
  [[nodiscard]] Batch* acquire();

  // Null when none is free.
  [[nodiscard]] Batch* try_acquire();

  // Gives an emptied batch back.
  void release(Batch* batch);

  [[nodiscard]] std::size_t size() const { return batches_.size(); }
  [[nodiscard]] std::size_t in_use() const { return in_use_.load(std::memory_order_relaxed); }

 private:
  std::vector<std::unique_ptr<Batch>> batches_;
  BatchQueue free_;
  std::atomic<std::size_t> in_use_{0};
};

}  // namespace fleet_sim::batch
