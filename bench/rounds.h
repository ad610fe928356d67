// Measures a workload in rounds. In each the references run right before and after it, so that what else
// happens on the machine meets them alike, and ratios are taken within a round. Main thread.
#pragma once

#include <string_view>
#include <vector>

#include "scratch.h"
#include "workload.h"

namespace fleet_sim::bench {

struct Spread {
  double median = 0;
  double min = 0;
  double max = 0;
};
Spread spread_of(std::vector<double> values);  // not empty

// Rows per second; 0 where there is nothing to compare with.
struct Round {
  double figure = 0;     // of the workload, in its unit
  double bind = 0;       // R_bind, with the workload's index
  double best_one = 0;   // R_best(1), without an index
  double best_many = 0;  // R_best(T), with the workload's index and as many threads as it has writers
  double bare = 0;       // of the workload's own bare loop
};

// A reference in results: how it is called in them, and its figure in a round.
struct Yardstick {
  std::string_view name;
  std::string_view key;
  double Round::*rows_per_second;
};
inline constexpr Yardstick yardsticks[] = {{"R_bind", "r_bind", &Round::bind},
                                           {"R_best(1)", "r_best_1", &Round::best_one},
                                           {"R_best(T)", "r_best_t", &Round::best_many},
                                           {"bare loop", "bare", &Round::bare}};

struct Measurement {
  Workload workload;
  std::vector<Round> rounds;

  [[nodiscard]] Spread figures() const;
  [[nodiscard]] bool is_compared_by(const Yardstick& yardstick) const;
  [[nodiscard]] double ratio(const Yardstick& yardstick) const;  // the median of the rounds'
};

// `alone` leaves the references out.
Measurement measure(const Workload& workload, unsigned rounds, bool alone, const Scratch& scratch);

}  // namespace fleet_sim::bench
