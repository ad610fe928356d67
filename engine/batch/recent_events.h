// The last anomaly events that were committed, for the status page: a ring of fixed size, each event in its
// latest state. One writer's thread adds, any thread copies; both hold the mutex for microseconds.
#pragma once

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <span>
#include <vector>

#include "batch/reading.h"

namespace fleet_sim::batch {

class RecentEvents {
 public:
  static constexpr std::size_t most = 1'000;

  // In the order they were committed. Of more than the ring holds, only the last are looked at.
  void add(std::span<const AnomalyEvent> events) {
    if (events.size() > most) events = events.last(most);
    const std::lock_guard lock(mutex_);
    for (const AnomalyEvent& event : events) {
      if (begins(event.kind)) {
        put(event);
      } else {
        update(event);
      }
    }
  }

  // Newest first.
  [[nodiscard]] std::vector<AnomalyEvent> newest() const {
    const std::lock_guard lock(mutex_);
    std::vector<AnomalyEvent> events(ring_.begin() + static_cast<std::ptrdiff_t>(next_), ring_.end());
    events.insert(events.end(), ring_.begin(), ring_.begin() + static_cast<std::ptrdiff_t>(next_));
    std::ranges::reverse(events);
    return events;
  }

 private:
  void put(const AnomalyEvent& event) {
    if (ring_.size() < most) return ring_.push_back(event);
    ring_[next_] = event;
    next_ = (next_ + 1) % most;
  }

  // An event that has left the ring already stays away.
  void update(const AnomalyEvent& event) {
    const auto known = std::ranges::find_if(ring_, [&event](const AnomalyEvent& one) {
      return one.sensor == event.sensor && one.started_at == event.started_at;
    });
    if (known != ring_.end()) *known = event;
  }

  mutable std::mutex mutex_;
  std::vector<AnomalyEvent> ring_;  // once full, next_ is the oldest
  std::size_t next_ = 0;
};

}  // namespace fleet_sim::batch
