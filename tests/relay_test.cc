// A relay: one turn at a time, and nobody waits for a call that does not come back.
#include "write/relay.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace fleet_sim::relay_test {

namespace {

constexpr auto moment = std::chrono::milliseconds(5);

// A call that hangs until it is let go.
class HangingCall {
 public:
  void operator()() {
    std::unique_lock lock(mutex_);
    let_go_.wait(lock, [this] { return is_let_go_; });
  }
  void let_go() {
    {
      const std::lock_guard lock(mutex_);
      is_let_go_ = true;
    }
    let_go_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable let_go_;
  bool is_let_go_ = false;
};

}  // namespace

TEST_CASE("a call that comes back in time leaves the turn where it is") {
  int turns = 0;
  std::unique_ptr<write::Relay> relay;
  relay = std::make_unique<write::Relay>(
      [&] {
        ++turns;
        for (int i = 0; i < 1'000; ++i) {
          relay->leave();
          REQUIRE(relay->come_back());
        }
        relay->end();
      },
      std::chrono::hours(1), 8);
  relay->run();
  CHECK(turns == 1);
}

TEST_CASE("another goes on while a call hangs, and who comes back too late is told") {
  int turns = 0;  // changed only by whose turn it is
  std::atomic<int> came_too_late = 0;
  HangingCall call;
  std::unique_ptr<write::Relay> relay;
  const auto work = [&] {
    if (++turns <= 3) {
      relay->leave();
      call();
      if (!relay->come_back()) ++came_too_late;
      return;
    }
    CHECK(came_too_late == 0);
    call.let_go();
    while (came_too_late < 3) std::this_thread::yield();
    CHECK(relay->has_turn());
    relay->end();
  };
  relay = std::make_unique<write::Relay>(work, moment, 8);
  relay->run();
  CHECK(turns == 4);
  CHECK(came_too_late == 3);
}

TEST_CASE("when every thread hangs the work waits for one to come back") {
  std::atomic<int> turns = 0;
  HangingCall call;
  std::unique_ptr<write::Relay> relay;
  const auto work = [&] {
    ++turns;
    relay->leave();
    call();
    if (relay->come_back()) relay->end();
  };
  relay = std::make_unique<write::Relay>(work, moment, 2);
  std::thread caller([&] { relay->run(); });
  while (turns < 3) std::this_thread::yield();
  std::this_thread::sleep_for(4 * moment);
  CHECK(turns == 3);  // nobody was left to take over
  call.let_go();
  caller.join();
  CHECK(turns >= 3);
}

}  // namespace fleet_sim::relay_test
