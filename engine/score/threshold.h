// The threshold that separates readings in anomalies from others best. Bounded: about a million distinct
// scores are kept as they are; where there are more, they are rounded down to fewer digits. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace fleet_sim::score {

class ScoreCounts {
 public:
  static constexpr std::size_t most_kept = std::size_t{1} << 20;

  explicit ScoreCounts(std::size_t most = most_kept) : most_(most) {}

  void add(double score, bool is_anomalous);

  // The threshold with the best F1 of all that leave some readings unflagged, the highest of equals. Nothing
  // where there is none: all scores are equal, or no anomalous reading has more than the lowest.
  std::optional<double> best_threshold();

 private:
  struct Bin {
    std::uint64_t key;                    // rises with the score
    std::array<std::uint64_t, 2> counts;  // normal and anomalous
  };

  void compact();
  void merge_equal();

  std::size_t most_;
  int shift_ = 0;
  std::size_t merged_ = 0;  // bins at the beginning that are sorted and differ
  std::vector<Bin> bins_;
};

}  // namespace fleet_sim::score
