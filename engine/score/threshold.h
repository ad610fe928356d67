// The threshold that separates readings in anomalies from others best. Bounded: about a million distinct
// scores are kept as they are; where there are more, they are rounded down to fewer digits. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace fleet_sim::score {

// What flagging from a threshold on comes to, of all sensors.
struct CurvePoint {
  double threshold;
  double recall;
  double precision;
};

class ScoreCounts {
 public:
  static constexpr std::size_t most_points = 1'000;  // of the curve, about
  static constexpr std::size_t most_kept = std::size_t{1} << 20;

  explicit ScoreCounts(std::size_t most = most_kept) : most_(most) {}

  void add(double score, bool is_anomalous);

  // The threshold with the best F1 of all that leave some readings unflagged, the highest of equals. Nothing
  // where there is none: all scores are equal, or no anomalous reading has more than the lowest.
  std::optional<double> best_threshold();

  // From the highest threshold to the lowest; those that differ too little to be seen are left out. Empty
  // without an anomalous reading.
  std::vector<CurvePoint> curve();

 private:
  struct Bin {
    std::uint64_t key;                    // rises with the score
    std::array<std::uint64_t, 2> counts;  // normal and anomalous
  };

  void compact();
  void merge_equal();
  [[nodiscard]] double anomalous() const;

  std::size_t most_;
  int shift_ = 0;
  std::size_t merged_ = 0;  // bins at the beginning that are sorted and differ
  std::vector<Bin> bins_;
};

}  // namespace fleet_sim::score
