#include "batch/batch_queue.h"

#include <utility>

#include "base/faults.h"

namespace fleet_sim::batch {

BatchQueue::BatchQueue(std::size_t capacity) : batches_(capacity) {}

void BatchQueue::push(Batch* batch) {
  while (!batches_.push(batch)) {
  }
  // A read-modify-write here and one in wait_until have an order: either this one sees the sleeper, or the
  // sleeper's last look at the queue sees the batch. No batch is left lying beside a sleeping reader.
  if (sleepers_.fetch_add(0, std::memory_order_acq_rel) == 0) return;
  const std::lock_guard lock(mutex_);
  arrived_.notify_one();
}

Batch* BatchQueue::pop() {
  Batch* batch = nullptr;
  return batches_.pop(batch) ? batch : nullptr;
}

void BatchQueue::wait_until(std::chrono::steady_clock::time_point deadline) {
  if (!batches_.empty()) return;
  std::unique_lock lock(mutex_);
  sleepers_.fetch_add(1, std::memory_order_acq_rel);
  arrived_.wait_until(lock, deadline, [this] { return !batches_.empty() || woken_; });
  sleepers_.fetch_sub(1, std::memory_order_acq_rel);
  woken_ = false;
}

void BatchQueue::wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  arrived_.notify_all();
}

BatchPool::BatchPool(std::size_t size) : free_(size) {
  batches_.reserve(size);
  for (std::size_t i = 0; i < size; ++i) {
    batches_.push_back(std::make_unique<Batch>());
    free_.push(batches_.back().get());
  }
}

Batch* BatchPool::acquire() {
  for (;;) {
    if (Batch* batch = try_acquire()) return batch;
    free_.wait_until(std::chrono::steady_clock::now() + std::chrono::hours(1));
  }
}

Batch* BatchPool::try_acquire() {
  Batch* batch = free_.pop();
  if (batch == nullptr) return nullptr;
  ensure(batch->empty() && !batch->is_taken, "a batch in the pool is empty and free");
  batch->is_taken = true;
  in_use_.fetch_add(1, std::memory_order_relaxed);
  return batch;
}

void BatchPool::release(Batch* batch) {
  const bool was_taken = std::exchange(batch->is_taken, false);
  ensure(was_taken, "a batch is given back once, by its owner");
  if (!was_taken) return;
  batch->clear();
  in_use_.fetch_sub(1, std::memory_order_relaxed);
  free_.push(batch);
}

}  // namespace fleet_sim::batch
