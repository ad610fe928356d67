#include "score/threshold.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace fleet_sim::score {
namespace {

constexpr std::uint64_t sign = std::uint64_t{1} << 63;

// In the order of the numbers.
std::uint64_t key_of(double score) {
  const auto bits = std::bit_cast<std::uint64_t>(score + 0.0);  // −0 is 0
  return (bits & sign) != 0 ? ~bits : bits | sign;
}

double score_of(std::uint64_t key) {
  return std::bit_cast<double>((key & sign) != 0 ? key & ~sign : ~key);
}

}  // namespace

void ScoreCounts::add(double score, bool is_anomalous) {
  const std::uint64_t key = key_of(score) >> shift_ << shift_;
  bins_.push_back({key, {is_anomalous ? 0U : 1U, is_anomalous ? 1U : 0U}});
  if (bins_.size() >= 2 * most_ + merged_) compact();
}

void ScoreCounts::compact() {
  merge_equal();
  while (bins_.size() > most_) {
    ++shift_;
    for (Bin& bin : bins_) bin.key = bin.key >> shift_ << shift_;
    merge_equal();
  }
  merged_ = bins_.size();
}

void ScoreCounts::merge_equal() {
  std::ranges::sort(bins_, {}, &Bin::key);
  std::size_t kept = 0;
  for (const Bin& bin : bins_) {
    if (kept > 0 && bins_[kept - 1].key == bin.key) {
      for (const std::size_t kind : {0, 1}) bins_[kept - 1].counts[kind] += bin.counts[kind];
    } else {
      bins_[kept++] = bin;
    }
  }
  bins_.resize(kept);
}

std::optional<double> ScoreCounts::best_threshold() {
  compact();
  const double all = anomalous();
  std::optional<double> best;
  double best_f1 = 0;
  double flagged = 0;
  double found = 0;
  for (std::size_t i = bins_.size(); i-- > 1;) {
    found += static_cast<double>(bins_[i].counts[1]);
    flagged += static_cast<double>(bins_[i].counts[0] + bins_[i].counts[1]);
    const double f1 = 2 * found / (flagged + all);
    if (f1 <= best_f1) continue;
    best_f1 = f1;
    best = score_of(bins_[i].key);
  }
  return best;
}

std::vector<CurvePoint> ScoreCounts::curve() {
  constexpr double visible = 2.0 / most_points;  // as it rises by no more than 1, and falls in between
  compact();
  const double all = anomalous();
  std::vector<CurvePoint> points;
  double flagged = 0;
  double found = 0;
  for (std::size_t i = bins_.size(); all > 0 && i-- > 0;) {
    found += static_cast<double>(bins_[i].counts[1]);
    flagged += static_cast<double>(bins_[i].counts[0] + bins_[i].counts[1]);
    const CurvePoint point{score_of(bins_[i].key), found / all, found / flagged};
    const bool is_end = points.empty() || i == 0;
    if (is_end || point.recall - points.back().recall >= visible ||
        std::fabs(point.precision - points.back().precision) >= visible)
      points.push_back(point);
  }
  return points;
}

double ScoreCounts::anomalous() const {
  double sum = 0;
  for (const Bin& bin : bins_) sum += static_cast<double>(bin.counts[1]);
  return sum;
}

}  // namespace fleet_sim::score
