// The product's vocabulary: the channels of the built-in type of sensor, which configs and identities speak
// of, with the one name each has in YAML keys and columns, and the types of anomalies. What a fleet or a file
// has are the channels of its Schema, of which this is one. Values only; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/anomaly_types.h"

namespace fleet_sim {

// A channel by its place in its type; the names are those of the built-in one.
enum class Channel : std::uint8_t { temperature, vibration, voltage };
inline constexpr std::size_t channel_count = 3;
inline constexpr std::array<std::string_view, channel_count> channel_names{"temperature", "vibration",
                                                                           "voltage"};
inline constexpr std::array<std::string_view, channel_count> channel_units{"°C", "mm/s²", "V"};
inline constexpr std::array<int, channel_count> channel_decimals{2, 3, 3};  // of a value that a person reads

// No number that a config or an identity gives a channel lies beyond, above or below 0: the arithmetic of
// readings would overflow.
inline constexpr double largest_parameter = 1e9;

// One value per channel of the built-in type, indexed by the enumerators above.
template <class T>
using PerChannel = std::array<T, channel_count>;

constexpr std::size_t index_of(Channel channel) {
  return static_cast<std::size_t>(channel);
}
constexpr std::string_view name_of(Channel channel) {
  return channel_names[index_of(channel)];
}

}  // namespace fleet_sim
