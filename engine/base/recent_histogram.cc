#include "base/recent_histogram.h"

namespace fleet_sim {

double RecentHistogram::keep_recent(double now, Histogram& whole) {
  if (memories_.empty()) memories_.emplace_back();  // of the beginning, when nothing was counted
  if (now - memories_.back().at >= step_seconds) {
    Memory& memory = memories_.emplace_back();
    memory.at = now;
    memory.counted.merge(whole);
  }
  while (memories_.size() > 1 && now - memories_[1].at >= span_seconds) memories_.pop_front();
  whole.subtract(memories_.front().counted);
  return now - memories_.front().at;
}

}  // namespace fleet_sim
