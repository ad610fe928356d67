// A relay: several threads do one thread's work, one at a time. The thread whose turn it is may leave for a
// call into a disk that can hang; if it stays away longer than `hand_over`, another takes the turn and
// continues the work where the first left off. A thread that comes back too late waits for a turn like the
// others.
//
// What the work touches is handed from turn to turn under the relay's mutex and needs no other. Only what is
// done between leave() and come_back() runs beside somebody else's turn. In the usual case a call that may
// hang costs two uncontended locks, and no other thread is woken.
//
// At most `most_threads` besides the caller of run(): when all of them hang, the work waits for one to come
// back. There is always one more thread than hang; it checks once every `hand_over`.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/clock.h"

namespace fleet_sim::write {

class Relay {
 public:
  // `work` is one turn: it returns when its thread has lost its turn, or has called end(). It does not throw.
  Relay(std::function<void()> work, SteadyTime::duration hand_over, std::size_t most_threads);

  // Takes turns at the work until it has ended. Once.
  void run();

  // By the thread whose turn it is: goes into a call that may hang.
  void leave();

  // By the same thread, afterwards: whether it is still its turn.
  [[nodiscard]] bool come_back();

  // Whether it is the calling thread's turn.
  [[nodiscard]] bool has_turn() const;

  // By the thread whose turn it is: there is no more work.
  void end();

 private:
  void take_turns();
  bool wait_for_turn();
  void see_to_a_spare();
  [[nodiscard]] bool is_vacant(SteadyTime now) const;

  std::function<void()> work_;
  SteadyTime::duration hand_over_;
  std::size_t most_threads_;
  mutable std::mutex mutex_;
  std::condition_variable ended_or_vacant_;
  std::thread::id turn_;               // none: vacant
  std::optional<SteadyTime> left_at_;  // whose turn it is, is away since then
  std::size_t spares_ = 0;             // wait for a turn
  bool ended_ = false;
  std::vector<std::thread> threads_;  // changed by whose turn it is
};

}  // namespace fleet_sim::write
