#include "write/relay.h"

#include <utility>

namespace fleet_sim::write {

Relay::Relay(std::function<void()> work, SteadyTime::duration hand_over, std::size_t most_threads)
    : work_(std::move(work)), hand_over_(hand_over), most_threads_(most_threads) {}

void Relay::run() {
  take_turns();
  for (std::thread& thread : threads_) thread.join();
}

void Relay::take_turns() {
  while (wait_for_turn()) work_();
}

bool Relay::wait_for_turn() {
  std::unique_lock lock(mutex_);
  ++spares_;
  while (!ended_ && !is_vacant(std::chrono::steady_clock::now())) {
    ended_or_vacant_.wait_for(lock, hand_over_);
  }
  --spares_;
  if (ended_) return false;
  turn_ = std::this_thread::get_id();
  left_at_.reset();
  see_to_a_spare();
  return true;
}

void Relay::see_to_a_spare() {
  if (spares_ > 0 || threads_.size() == most_threads_) return;
  threads_.emplace_back([this] { take_turns(); });
}

bool Relay::is_vacant(SteadyTime now) const {
  return turn_ == std::thread::id{} || (left_at_ && now - *left_at_ > hand_over_);
}

void Relay::leave() {
  const SteadyTime now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  left_at_ = now;
}

bool Relay::come_back() {
  const std::lock_guard lock(mutex_);
  if (turn_ != std::this_thread::get_id()) return false;
  left_at_.reset();
  return true;
}

bool Relay::has_turn() const {
  const std::lock_guard lock(mutex_);
  return turn_ == std::this_thread::get_id();
}

void Relay::end() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  ended_or_vacant_.notify_all();
}

}  // namespace fleet_sim::write
