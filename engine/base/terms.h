// The product's vocabulary that every room shares: a channel, and the types of anomalies. Values only; any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/anomaly_types.h"

namespace fleet_sim {

// A channel by its place in its type (types/sensor_type.h).
enum class Channel : std::uint8_t {};

// No number that a config or an identity gives a channel lies beyond, above or below 0: the arithmetic of
// readings would overflow.
inline constexpr double largest_parameter = 1e9;

constexpr std::size_t index_of(Channel channel) {
  return static_cast<std::size_t>(channel);
}

}  // namespace fleet_sim
