// The pool is the only bound, the queue loses nothing among many threads, and wake() ends every
// wait. Waits here have no time-outs of their own: what should end a wait ends it, or the test hangs until
// ctest ends it.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <set>
#include <thread>
#include <vector>

#include "batch/batch_queue.h"

namespace fleet_sim::batch_test {

using namespace std::chrono_literals;

namespace {

// Long enough that a wait which should have ended at once is told from one that timed out, however busy the
// machine.
constexpr auto very_long = 60s;

std::chrono::steady_clock::time_point in(std::chrono::steady_clock::duration span) {
  return std::chrono::steady_clock::now() + span;
}

batch::Reading numbered(Timestamp number) {
  return {number, {}, 0, std::nullopt};
}

}  // namespace

TEST_CASE("a batch is full with either of its lists, and empty without both") {
  batch::Batch batch;
  CHECK(batch.empty());
  CHECK_FALSE(batch.full());
  while (batch.readings.size() + 1 < batch::Batch::capacity) batch.readings.push_back(numbered(0));
  CHECK_FALSE(batch.full());
  CHECK_FALSE(batch.empty());
  batch.readings.push_back(numbered(0));
  CHECK(batch.full());
  batch.clear();
  CHECK(batch.empty());
  batch.events.resize(batch::Batch::capacity);
  CHECK(batch.full());
  CHECK_FALSE(batch.empty());
  batch.clear();
  CHECK(batch.empty());
}

TEST_CASE("a batch that is filled and cleared never allocates again") {
  batch::Batch batch;
  const auto add = [&batch] { batch.readings.push_back(batch::Reading{0, {1, 2, 3}, 0, std::nullopt}); };
  add();
  const batch::Rows::Head* heads = batch.readings.heads().data();
  const double* values = batch.readings.values(0).data();
  for (int round = 0; round < 3; ++round) {
    while (!batch.full()) add();
    CHECK(batch.readings.heads().data() == heads);
    CHECK(batch.readings.values(0).data() == values);
    batch.clear();
  }
}

TEST_CASE("the pool hands out each of its batches once, empty") {
  batch::BatchPool pool(5);
  CHECK(pool.size() == 5);
  std::set<batch::Batch*> batches;
  for (int i = 0; i < 5; ++i) {
    batch::Batch* batch = pool.acquire();
    REQUIRE(batch != nullptr);
    CHECK(batch->empty());
    batch->readings.push_back(numbered(i));
    batches.insert(batch);
  }
  CHECK(batches.size() == 5);
  for (batch::Batch* batch : batches) pool.release(batch);
  batch::Batch* again = pool.acquire();
  CHECK(batches.contains(again));
  CHECK(again->empty());
}

TEST_CASE("an empty pool makes a generator wait until a batch comes back") {
  batch::BatchPool pool(1);
  batch::Batch* only = pool.acquire();
  auto waiting = std::async(std::launch::async, [&pool] { return pool.acquire(); });
  CHECK(waiting.wait_for(30ms) == std::future_status::timeout);
  pool.release(only);
  CHECK(waiting.get() == only);
}

TEST_CASE("a queue gives back what was pushed, in order, then nothing") {
  batch::BatchQueue queue(8);
  std::vector<batch::Batch> batches(8);
  CHECK(queue.empty());
  CHECK(queue.pop() == nullptr);
  for (batch::Batch& batch : batches) queue.push(&batch);
  CHECK_FALSE(queue.empty());
  for (batch::Batch& batch : batches) CHECK(queue.pop() == &batch);
  CHECK(queue.pop() == nullptr);
  CHECK(queue.empty());
}

TEST_CASE("waiting ends at once when there is a batch, and at the deadline when there is none") {
  batch::BatchQueue queue(2);
  const auto began = std::chrono::steady_clock::now();
  queue.wait_until(in(10ms));
  CHECK(std::chrono::steady_clock::now() - began >= 10ms);
  queue.wait_until(in(-1s));
  batch::Batch batch;
  queue.push(&batch);
  const auto later = std::chrono::steady_clock::now();
  queue.wait_until(in(very_long));
  CHECK(std::chrono::steady_clock::now() - later < very_long / 2);
}

TEST_CASE("a push wakes a sleeper") {
  for (int round = 0; round < 200; ++round) {
    batch::BatchQueue queue(2);
    batch::Batch batch;
    const auto began = std::chrono::steady_clock::now();
    auto sleeper = std::async(std::launch::async, [&queue] {
      queue.wait_until(in(very_long));
      return queue.pop();
    });
    // With and without the sleeper's having gone to sleep.
    for (int i = 0; i < round * 50; ++i) std::atomic_signal_fence(std::memory_order_seq_cst);
    queue.push(&batch);
    CHECK(sleeper.get() == &batch);
    CHECK(std::chrono::steady_clock::now() - began < very_long / 2);
  }
}

TEST_CASE("wake() ends the present wait, or the next one") {
  batch::BatchQueue queue(2);
  const auto began = std::chrono::steady_clock::now();
  queue.wake();
  queue.wait_until(in(very_long));
  auto sleeper = std::async(std::launch::async, [&queue] { queue.wait_until(in(very_long)); });
  queue.wake();
  sleeper.get();
  CHECK(std::chrono::steady_clock::now() - began < very_long / 2);
}

// Every batch goes round between pool and queue many times; each of the numbers arrives once.
TEST_CASE("several producers and consumers pass every batch on, once") {
  constexpr Timestamp per_producer = 20'000;
  constexpr Timestamp producers = 3;
  batch::BatchPool pool(8);
  batch::BatchQueue queue(8);
  std::atomic<Timestamp> received{0};
  std::vector<std::atomic<int>> times(static_cast<std::size_t>(producers * per_producer));

  std::vector<std::thread> threads;
  for (Timestamp p = 0; p < producers; ++p) {
    threads.emplace_back([&, p] {
      for (Timestamp i = 0; i < per_producer; ++i) {
        batch::Batch* batch = pool.acquire();
        batch->readings.push_back(numbered(p * per_producer + i));
        queue.push(batch);
      }
    });
  }
  for (int c = 0; c < 2; ++c) {
    threads.emplace_back([&] {
      while (received.load() < producers * per_producer) {
        batch::Batch* batch = queue.pop();
        if (batch == nullptr) {
          queue.wait_until(in(1ms));
          continue;
        }
        for (const batch::Reading& reading : batch->readings) ++times[static_cast<std::size_t>(reading.due)];
        received += static_cast<Timestamp>(batch->readings.size());
        pool.release(batch);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(received.load() == producers * per_producer);
  bool each_once = true;
  for (const auto& count : times) each_once = each_once && count == 1;
  CHECK(each_once);
  CHECK(queue.empty());
}

// One consumer that sleeps until something comes: no push may be missed, or this takes minutes.
TEST_CASE("no batch is left lying beside a sleeping consumer") {
  constexpr int rounds = 20'000;
  batch::BatchPool pool(4);
  batch::BatchQueue queue(4);
  const auto began = std::chrono::steady_clock::now();
  std::thread consumer([&] {
    for (int taken = 0; taken < rounds;) {
      batch::Batch* batch = queue.pop();
      if (batch == nullptr) {
        queue.wait_until(in(very_long));
        continue;
      }
      ++taken;
      pool.release(batch);
    }
  });
  for (int i = 0; i < rounds; ++i) queue.push(pool.acquire());
  consumer.join();
  CHECK(std::chrono::steady_clock::now() - began < very_long / 2);
}

}  // namespace fleet_sim::batch_test
