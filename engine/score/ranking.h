// How well scores rank readings in anomalies above others: areas under curves, which need no threshold. Pure;
// any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace fleet_sim::score {

// What a reading counts as.
enum class Label : std::uint8_t { normal, anomalous, left_out };

// The places of the scores, the highest first; equal ones in the order of time.
std::vector<std::uint32_t> ranked(std::span<const double> scores);

// A series without the readings that are left out.
struct RankedSeries {
  std::vector<double> scores;        // in order of time
  std::vector<std::uint8_t> labels;  // 1: anomalous
  std::vector<std::uint32_t> order;  // as `ranked` says

  RankedSeries(std::span<const double> all_scores, std::span<const Label> all_labels,
               std::span<const std::uint32_t> all_order);

  [[nodiscard]] std::size_t anomalous() const;
};

// The chance that a reading in an anomaly has a higher score than one that is in none; equal scores count
// half. Nothing where there are not both.
std::optional<double> roc_auc(const RankedSeries& series);

// Σ (Rₙ − Rₙ₋₁) Pₙ over all thresholds, without interpolation. Nothing without an anomalous reading.
std::optional<double> average_precision(const RankedSeries& series);

// The volume under the surface of precision and recall, as TSB-AD computes it: for each buffer l = 0 …
// longest, readings within l/2 of an anomaly count sqrt(1 − d/l) at distance d, at most 1 in all. At 250
// thresholds of even rank, with the sum TP of what the predicted readings count and P' = (2 P + TP outside
// the anomalies) / 2, recall is min(1, TP / P') times the share of extended anomalies that were hit (those
// that touch are one), and precision is TP by the number of predicted readings. The area is Σ ΔR · P; the
// volume is its mean over l. Nothing without an anomalous reading.
std::optional<double> vus_pr(const RankedSeries& series, std::size_t longest_buffer);

}  // namespace fleet_sim::score
