#include "score/baselines.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace fleet_sim::score {

std::vector<std::size_t> judged_channels(const types::Schema& schema) {
  std::vector<std::size_t> all;
  std::vector<std::size_t> measured;
  for (std::size_t c = 0; c < schema.channels().size(); ++c) {
    const types::ChannelKind kind = schema.channels()[c].kind;
    all.push_back(c);
    if (kind == types::ChannelKind::gauge || kind == types::ChannelKind::product) measured.push_back(c);
  }
  return measured.empty() ? all : measured;
}

Readings channel_values(const SensorTruth& sensor, std::size_t channel) {
  const std::size_t channels = sensor.channels();
  Readings values;
  values.reserve(sensor.readings.size());
  double last = 0;
  for (std::size_t i = 0; i < sensor.readings.size(); ++i) {
    const double value = sensor.values[i * channels + channel];
    if (std::isfinite(value)) last = value;
    values.push_back(last);
  }
  return values;
}

std::vector<double> baseline_scores(const Baseline& baseline, const SensorTruth& sensor,
                                    const types::Schema& schema) {
  std::vector<double> best(sensor.readings.size(), 0);
  for (const std::size_t channel : judged_channels(schema)) {
    if (channel >= sensor.channels()) continue;
    const Scores scores = baseline.scores(channel_values(sensor, channel));
    const double mean =
        std::accumulate(scores.begin(), scores.end(), 0.0) / static_cast<double>(scores.size());
    if (mean <= 0) continue;
    for (std::size_t i = 0; i < best.size(); ++i)
      best[i] = std::max(best[i], static_cast<double>(scores[i]) / mean);
  }
  return best;
}

}  // namespace fleet_sim::score
