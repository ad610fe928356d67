#include "types/sensor_type.h"

#include <fmt/format.h>

namespace fleet_sim::types {

std::string as_number(std::string_view, double value) {
  return fmt::format("{}", value);
}

std::string problem_of(const ChannelParameters& channel, const ShowParameter& shown) {
  const auto [mean, std_dev, min, max] = channel;
  if (min > max) return fmt::format("min {} must not be above max {}", shown("min", min), shown("max", max));
  if (mean < min || mean > max) {
    return fmt::format("mean {} must lie between min {} and max {}", shown("mean", mean), shown("min", min),
                       shown("max", max));
  }
  if (std_dev < 0) return fmt::format("std_dev {} must be 0 or more", shown("std_dev", std_dev));
  return {};
}

}  // namespace fleet_sim::types
