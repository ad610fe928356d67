// What a histogram that only grows has counted lately: remembers it once a second, and takes the oldest
// memory away from what it is now. Eleven histograms of 7 KB; one thread.
#pragma once

#include <deque>

#include "base/histogram.h"

namespace fleet_sim {

class RecentHistogram {
 public:
  static constexpr double span_seconds = 10;
  static constexpr double step_seconds = 1;

  // `whole` is a copy of the histogram at `now`, seconds that never go back. Leaves in it what was counted in
  // about the last span_seconds, all of it until so much time has passed, and returns how many they were.
  double keep_recent(double now, Histogram& whole);

 private:
  struct Memory {
    double at = 0;
    Histogram counted;
  };
  std::deque<Memory> memories_;  // oldest first; histograms do not move
};

}  // namespace fleet_sim
