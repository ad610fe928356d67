// A type of sensor that is made in code, of any number of channels, for tests that nothing on the way from
// the fleet to its readers knows how many there are or what they are called.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "types/catalog.h"
#include "types/sensor_type.h"

namespace fleet_sim::test {

// Channels c0, c1, … whose means lie far apart; the day acts on the first, a pattern on the first and last.
inline types::SensorType type_of(std::size_t channels) {
  std::vector<types::ChannelColumn> columns;
  types::NormalParameters normal;
  for (std::size_t c = 0; c < channels; ++c) {
    columns.push_back({"c" + std::to_string(c), "unit" + std::to_string(c)});
    const double mean = 1'000.0 * static_cast<double>(c + 1);
    normal.push_back({mean, 1, mean - 100, mean + 100});
  }
  std::vector<double> pattern(channels, 0);
  pattern.front() = 1;
  pattern.back() = channels > 1 ? -1 : 1;
  return {types::Schema("made", std::move(columns)), std::move(normal), Channel{0}, std::move(pattern)};
}

inline std::shared_ptr<const types::Catalog> catalog_of(const types::SensorType& type) {
  return std::make_shared<const types::Catalog>(std::vector<types::SensorType>{type});
}

}  // namespace fleet_sim::test
