// The last 15 minutes of a run, for charts: once a second it keeps the figures that are marked for it in the
// table of figures. The main thread adds what it publishes, whether or not anyone watches; the HTTP thread
// asks. A second in which nothing was published, because the process was stopped or the machine asleep, has
// no point: nothing is made up between two others. Fails only for lack of memory.
//
// Bounds: 900 points of 30 numbers, 0.25 MB, and the text of them all, half as much.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/timestamp.h"
#include "status/status.h"

namespace fleet_sim::status {

class History {
 public:
  static constexpr std::int64_t kept_seconds = 900;

  // `at` is the wall clock's. The first status of a second is its point. When the clock is set back, points
  // that would now be in the future are dropped.
  void add(Timestamp at, const Status& status);

  // The answer to /api/history: the points after the one of the second `since`, if that one is known, else
  // all. Built once for everyone who asks for all of them in the same second.
  std::string json(std::optional<std::int64_t> since);

 private:
  struct Point {
    std::int64_t second;         // since 1970, UTC
    std::vector<double> values;  // in the order of the table; NaN where there is none
  };

  [[nodiscard]] std::string json_from(std::size_t first, bool continues) const;

  std::mutex mutex_;          // of all that follows
  std::deque<Point> points_;  // seconds ascend
  std::string text_of_all_;   // empty until asked for after a new point
};

}  // namespace fleet_sim::status
