#include "types/sensor_type.h"

#include <fmt/format.h>

namespace fleet_sim::types {

std::string problem_of(const ChannelParameters& channel) {
  const auto [mean, std_dev, min, max] = channel;
  if (min >= max) return fmt::format("min {} must be below max {}", min, max);
  if (mean < min || mean > max)
    return fmt::format("mean {} must lie between min {} and max {}", mean, min, max);
  if (std_dev < 0) return fmt::format("std_dev {} must be 0 or more", std_dev);
  return {};
}

}  // namespace fleet_sim::types
