// The search for the highest rate that holds: rates rise in large steps until one fails, or fall until one
// holds, and then close in from both sides. Says which rate to try next and takes in the result; measures
// nothing itself. One thread.
#pragma once

#include <optional>

namespace fleet_sim::benchmark {

class RateSearch {
 public:
  struct Range {
    double first;      // tried first
    double lowest;     // below it the search gives up
    double highest;    // above it, too
    double precision;  // over 1: a failed rate within this factor of one that held ends the search
  };
  explicit RateSearch(const Range& range) : range_(range) {}

  // None when the search is over.
  [[nodiscard]] std::optional<double> next() const;

  void record(double rate, bool held);

  // The highest rate that held, none when none did.
  [[nodiscard]] std::optional<double> best() const { return held_; }

  // How many more rates there may be to try.
  [[nodiscard]] unsigned most_steps_left() const;

 private:
  Range range_;
  std::optional<double> held_;
  std::optional<double> failed_;
};

}  // namespace fleet_sim::benchmark
