// One-line detectors (score/one_liners.h) run over all channels of a sensor: something to beat. Pure; any
// thread.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "score/one_liners.h"
#include "score/truth.h"
#include "types/schema.h"

namespace fleet_sim::score {

struct Baseline {
  std::string_view name;
  Scores (*scores)(const Readings&);
};
inline constexpr std::array<Baseline, 5> baselines{{{"abs", distance_from_median},
                                                    {"diff", largest_step},
                                                    {"moving", moving_z<256>},
                                                    {"variance", change_of_variance},
                                                    {"runs", run_length}}};

// The channels that such detectors can look at: gauges and products, or all where there are none of these.
std::vector<std::size_t> judged_channels(const types::Schema& schema);

// The values of a channel; where a reading has none, the one before.
Readings channel_values(const SensorTruth& sensor, std::size_t channel);

// For each reading the highest of its channels' scores, each divided by its mean over the sensor's readings,
// because units differ.
std::vector<double> baseline_scores(const Baseline& baseline, const SensorTruth& sensor,
                                    const types::Schema& schema);

}  // namespace fleet_sim::score
