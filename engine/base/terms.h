// The product's vocabulary: the three channels of a sensor, with the one name each has in YAML keys, columns
// and reports, and the types of anomalies. Values only; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/anomaly_types.h"

namespace fleet_sim {

enum class Channel : std::uint8_t { temperature, vibration, voltage };
inline constexpr std::size_t channel_count = 3;
inline constexpr std::array<std::string_view, channel_count> channel_names{"temperature", "vibration",
                                                                           "voltage"};

// One value per channel, indexed by the enumerators above.
template <class T>
using PerChannel = std::array<T, channel_count>;

constexpr std::size_t index_of(Channel channel) {
  return static_cast<std::size_t>(channel);
}
constexpr std::string_view name_of(Channel channel) {
  return channel_names[index_of(channel)];
}

}  // namespace fleet_sim
