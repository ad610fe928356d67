// How well detectors of one line each (score/one_liners.h) tell readings in a fault from others.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "score/one_liners.h"

namespace fleet_sim::detection {

using score::Detector;
using score::detectors;
using score::longest_history;
using score::Readings;
using score::Scores;

// The area under a detector's ROC curve: how likely it suspects a reading in a fault more than one that is
// not. Scores closer than a 64th count as equal.
class RocCurve {
 public:
  RocCurve() : counts_(bins) {}

  void add(float score, bool in_fault) { ++counts_[std::bit_cast<std::uint32_t>(score) >> shift][in_fault]; }
  void add(const RocCurve& other) {
    for (std::size_t i = 0; i < bins; ++i) {
      for (const std::size_t kind : {0, 1}) counts_[i][kind] += other.counts_[i][kind];
    }
  }
  [[nodiscard]] double area() const {
    double others = 0;
    double in_fault = 0;
    double won = 0;
    for (const auto& [equal, faults] : counts_) {
      won += static_cast<double>(faults) * (others + static_cast<double>(equal) / 2);
      others += static_cast<double>(equal);
      in_fault += static_cast<double>(faults);
    }
    return won / (others * in_fault);
  }

 private:
  static constexpr int shift = 17;  // leaves the exponent and six bits
  static constexpr std::size_t bins = 1 << (32 - shift - 1);
  std::vector<std::array<std::uint64_t, 2>> counts_;
};

}  // namespace fleet_sim::detection
