#include "base/faults.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "batch/batch_queue.h"

namespace fleet_sim::faults_test {

namespace {

// Faults are counted while this is there.
class Counting {
 public:
  Counting() : before_(set_fault_policy(FaultPolicy::count)), count_before_(fault_count()) {
    take_fault_texts();
  }
  ~Counting() { set_fault_policy(before_); }
  Counting(const Counting&) = delete;
  Counting& operator=(const Counting&) = delete;

  [[nodiscard]] std::uint64_t faults() const { return fault_count() - count_before_; }

 private:
  FaultPolicy before_;
  std::uint64_t count_before_;
};

}  // namespace

TEST_CASE("what holds is no fault") {
  const Counting counting;
  ensure(true, "one is one");
  CHECK(counting.faults() == 0);
  CHECK(take_fault_texts().empty());
}

TEST_CASE("a fault is counted each time and reported once for its place") {
  const Counting counting;
  for (int i = 0; i < 3; ++i) ensure(false, "a place is reported once");
  CHECK(counting.faults() == 3);
  const std::vector<std::string> texts = take_fault_texts();
  REQUIRE(texts.size() == 1);
  CHECK(texts[0].find("faults_test.cc:") != std::string::npos);
  CHECK(texts[0].ends_with("does not hold: a place is reported once"));
  ensure(false, "another place is reported, too");
  CHECK(take_fault_texts().size() == 1);
}

TEST_CASE("any thread may find a fault") {
  const Counting counting;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < 1'000; ++i) ensure(false, "threads do not disturb each other");
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(counting.faults() == 4'000);
  CHECK(take_fault_texts().size() == 1);
}

TEST_CASE("where faults stop the process, it ends at once") {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);  // doctest's would report a crash of the test
    std::freopen("/dev/null", "w", stderr);
    set_fault_policy(FaultPolicy::stop);
    ensure(false, "the child stops here");
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGABRT);
}

TEST_CASE("a batch that is given back twice is a fault") {
  const Counting counting;
  batch::BatchPool pool(2);
  batch::Batch* batch = pool.acquire();
  pool.release(batch);
  CHECK(counting.faults() == 0);
  pool.release(batch);
  CHECK(counting.faults() == 1);
  CHECK(pool.in_use() == 0);
}

TEST_CASE("a pool counts the batches in use, however they were taken") {
  batch::BatchPool pool(2);
  batch::Batch* first = pool.acquire();
  batch::Batch* second = pool.try_acquire();
  REQUIRE(second != nullptr);
  CHECK(pool.in_use() == 2);
  CHECK(pool.try_acquire() == nullptr);
  CHECK(pool.in_use() == 2);
  pool.release(first);
  pool.release(second);
  CHECK(pool.in_use() == 0);
}

}  // namespace fleet_sim::faults_test
