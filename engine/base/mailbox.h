// A mailbox for a thread that looks now and then: any thread posts, one takes. Looking into an empty mailbox
// costs no mutex, so it may be done in every round of a loop. Unbounded: those who post bound it. It wakes no
// thread; a sleeping one is woken by other means.
#pragma once

#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

namespace fleet_sim {

template <class Letter>
class Mailbox {
 public:
  void post(Letter letter) {
    const std::lock_guard lock(mutex_);
    letters_.push_back(std::move(letter));
    has_letters_.store(true, std::memory_order_release);
  }

  // All that was posted since the last time, in order.
  [[nodiscard]] std::vector<Letter> take() {
    if (!has_letters_.load(std::memory_order_acquire)) return {};
    const std::lock_guard lock(mutex_);
    has_letters_.store(false, std::memory_order_release);
    return std::exchange(letters_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<Letter> letters_;  // under mutex_
  std::atomic<bool> has_letters_{false};
};

}  // namespace fleet_sim
