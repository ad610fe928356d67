#include <chrono>
#include <cstddef>
#include <thread>

#include "batch/batch_queue.h"
#include "workloads.h"

namespace fleet_sim::bench {
namespace {

constexpr std::size_t handovers = 1'000'000;
constexpr std::size_t pool_size = 66;  // as a run with one writer has per writer

// The writer's side.
void take_all(batch::BatchQueue& queue, batch::BatchPool& pool) {
  for (std::size_t taken = 0; taken < handovers;) {
    if (batch::Batch* batch = queue.pop()) {
      pool.release(batch);
      ++taken;
    } else {
      queue.wait_until(std::chrono::steady_clock::now() + std::chrono::seconds(1));
    }
  }
}

}  // namespace

// The rows themselves stay as they are: what is measured is the hand-over of a batch that has room for so
// many.
double queue_nanoseconds(const Folders&) {
  batch::BatchPool pool(pool_size);
  batch::BatchQueue queue(pool_size);
  const auto began = std::chrono::steady_clock::now();
  std::jthread writer([&] { take_all(queue, pool); });
  for (std::size_t given = 0; given < handovers; ++given) queue.push(pool.acquire());
  writer.join();
  const std::chrono::duration<double, std::nano> elapsed = std::chrono::steady_clock::now() - began;
  return elapsed.count() / static_cast<double>(handovers * batch::Batch::capacity);
}

}  // namespace fleet_sim::bench
