#include "score/ranking.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace fleet_sim::score {
namespace {

constexpr std::size_t thresholds = 250;
template <class T>
using PerThreshold = std::array<T, thresholds>;

struct Segment {
  std::size_t first;
  std::size_t last;
};

std::vector<Segment> segments_of(const std::vector<std::uint8_t>& labels) {
  std::vector<Segment> segments;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] == 0) continue;
    if (i > 0 && labels[i - 1] != 0) {
      segments.back().last = i;
    } else {
      segments.push_back({i, i});
    }
  }
  return segments;
}

// Each reading's first threshold at which it is predicted, and how many are predicted at each.
class Predictions {
 public:
  explicit Predictions(const RankedSeries& series) : first_(series.order.size()) {
    const std::size_t count = series.order.size();
    const double step = static_cast<double>(count - 1) / static_cast<double>(thresholds - 1);
    const auto rank_at = [&](std::size_t k) {  // as NumPy's linspace, cut off
      return k + 1 == thresholds ? count - 1 : static_cast<std::size_t>(step * static_cast<double>(k));
    };
    std::size_t tie = 0;  // the first rank with the score of this one
    std::size_t k = 0;
    for (std::size_t rank = 0; rank < count; ++rank) {
      const std::uint32_t place = series.order[rank];
      if (series.scores[place] != series.scores[series.order[tie]]) tie = rank;
      while (rank_at(k) < tie) ++k;
      first_[place] = static_cast<std::uint8_t>(k);
      ++predicted_[k];
    }
    std::partial_sum(predicted_.begin(), predicted_.end(), predicted_.begin());
  }

  [[nodiscard]] std::uint8_t first(std::size_t place) const { return first_[place]; }
  [[nodiscard]] double predicted(std::size_t threshold) const {
    return static_cast<double>(predicted_[threshold]);
  }

 private:
  static_assert(thresholds <= 256);
  std::vector<std::uint8_t> first_;
  PerThreshold<std::uint64_t> predicted_{};
};

class Volume {
 public:
  explicit Volume(const RankedSeries& series)
      : labels_(series.labels),
        predictions_(series),
        segments_(segments_of(series.labels)),
        extended_(series.labels.size(), 0) {
    for (const Segment& segment : segments_) {
      std::uint8_t earliest = thresholds - 1;
      for (std::size_t i = segment.first; i <= segment.last; ++i) {
        earliest = std::min(earliest, predictions_.first(i));
        ++inside_[predictions_.first(i)];
        ++anomalous_;
      }
      earliest_.push_back(earliest);
    }
  }

  double area(std::size_t buffer) {
    extend(buffer);
    PerThreshold<double> outside{};
    for (const std::size_t place : touched_) {
      outside[predictions_.first(place)] += std::min(1.0, extended_[place]);
      extended_[place] = 0;
    }
    touched_.clear();
    const double merged = count_hits(buffer / 2);
    double area = 0;
    double inside_sum = 0;
    double outside_sum = 0;
    double hit = 0;
    double recall_before = 0;
    for (std::size_t k = 0; k < thresholds; ++k) {
      inside_sum += inside_[k];
      outside_sum += outside[k];
      hit += hits_[k];
      const double positive = anomalous_ + outside_sum / 2;
      const double recall = std::min(1.0, (inside_sum + outside_sum) / positive) * hit / merged;
      area += (recall - recall_before) * (inside_sum + outside_sum) / predictions_.predicted(k);
      recall_before = recall;
    }
    return area;
  }

 private:
  // What readings around anomalies count.
  void extend(std::size_t buffer) {
    for (std::size_t distance = 1; distance <= buffer / 2; ++distance) {
      const double weight = std::sqrt(1 - static_cast<double>(distance) / static_cast<double>(buffer));
      for (const Segment& segment : segments_) {
        if (segment.first >= distance) add(segment.first - distance, weight);
        if (segment.last + distance < labels_.size()) add(segment.last + distance, weight);
      }
    }
  }

  void add(std::size_t place, double weight) {
    if (labels_[place] != 0) return;
    if (extended_[place] == 0) touched_.push_back(place);
    extended_[place] += weight;
  }

  // Counts, by the first threshold that does so, extended anomalies that are hit; returns how many there are.
  double count_hits(std::size_t reach) {
    hits_.fill(0);
    double merged = 0;
    std::uint8_t earliest = thresholds - 1;
    for (std::size_t s = 0; s < segments_.size(); ++s) {
      const Segment& segment = segments_[s];
      earliest = std::min(earliest, earliest_[s]);
      const std::size_t first = segment.first - std::min(reach, segment.first);
      const std::size_t last = std::min(segment.last + reach, labels_.size() - 1);
      for (std::size_t i = first; i < segment.first; ++i)
        earliest = std::min(earliest, predictions_.first(i));
      for (std::size_t i = segment.last + 1; i <= last; ++i)
        earliest = std::min(earliest, predictions_.first(i));
      const bool is_last = s + 1 == segments_.size();
      if (!is_last && segment.last + 2 * reach >= segments_[s + 1].first) continue;
      ++hits_[earliest];
      ++merged;
      earliest = thresholds - 1;
    }
    return merged;
  }

  const std::vector<std::uint8_t>& labels_;
  Predictions predictions_;
  std::vector<Segment> segments_;
  std::vector<std::uint8_t> earliest_;  // threshold that predicts one of a segment's readings
  PerThreshold<double> inside_{};       // readings of segments, by their first threshold
  double anomalous_ = 0;
  std::vector<double> extended_;      // what readings outside segments count …
  std::vector<std::size_t> touched_;  // … and which count anything
  PerThreshold<double> hits_{};
};

}  // namespace

std::vector<std::uint32_t> ranked(std::span<const double> scores) {
  struct Ranked {
    double score;
    std::uint32_t place;
  };
  std::vector<Ranked> all(scores.size());  // the score beside its place, because looking it up costs most
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = {scores[i], static_cast<std::uint32_t>(i)};
  std::ranges::sort(all, [](const Ranked& a, const Ranked& b) {
    return a.score != b.score ? a.score > b.score : a.place < b.place;
  });
  std::vector<std::uint32_t> order(all.size());
  std::ranges::transform(all, order.begin(), &Ranked::place);
  return order;
}

RankedSeries::RankedSeries(std::span<const double> all_scores, std::span<const Label> all_labels,
                           std::span<const std::uint32_t> all_order) {
  std::vector<std::uint32_t> places(all_scores.size());
  for (std::size_t i = 0; i < all_scores.size(); ++i) {
    if (all_labels[i] == Label::left_out) continue;
    places[i] = static_cast<std::uint32_t>(scores.size());
    scores.push_back(all_scores[i]);
    labels.push_back(all_labels[i] == Label::anomalous ? 1 : 0);
  }
  order.reserve(scores.size());
  for (const std::uint32_t i : all_order) {
    if (all_labels[i] != Label::left_out) order.push_back(places[i]);
  }
}

std::size_t RankedSeries::anomalous() const {
  return static_cast<std::size_t>(std::ranges::count(labels, 1));
}

std::optional<double> roc_auc(const RankedSeries& series) {
  const auto& [scores, labels, order] = series;
  double won = 0;  // pairs of an anomalous and a normal reading
  double anomalous = 0;
  double normal = 0;
  for (std::size_t i = 0; i < order.size();) {
    double equal_anomalous = 0;
    double equal_normal = 0;
    for (const double score = scores[order[i]]; i < order.size() && scores[order[i]] == score; ++i) {
      ++(labels[order[i]] != 0 ? equal_anomalous : equal_normal);
    }
    won += equal_normal * (anomalous + equal_anomalous / 2);
    anomalous += equal_anomalous;
    normal += equal_normal;
  }
  if (anomalous == 0 || normal == 0) return std::nullopt;
  return won / (anomalous * normal);
}

std::optional<double> average_precision(const RankedSeries& series) {
  const auto& [scores, labels, order] = series;
  const auto all = static_cast<double>(series.anomalous());
  if (all == 0) return std::nullopt;
  double sum = 0;
  double anomalous = 0;
  for (std::size_t i = 0; i < order.size();) {
    double equal = 0;
    for (const double score = scores[order[i]]; i < order.size() && scores[order[i]] == score; ++i) {
      equal += labels[order[i]];
    }
    anomalous += equal;
    sum += equal / all * anomalous / static_cast<double>(i);
  }
  return sum;
}

std::optional<double> vus_pr(const RankedSeries& series, std::size_t longest_buffer) {
  if (series.anomalous() == 0) return std::nullopt;
  Volume volume(series);
  double sum = 0;
  for (std::size_t buffer = 0; buffer <= longest_buffer; ++buffer) sum += volume.area(buffer);
  return sum / static_cast<double>(longest_buffer + 1);
}

}  // namespace fleet_sim::score
