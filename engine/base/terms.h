// The product's vocabulary: the three channels of a sensor and the five kinds of anomaly, with the one name
// each has in YAML keys, columns and reports. Values only; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace fleet_sim {

enum class Channel : std::uint8_t { temperature, vibration, voltage };
inline constexpr std::size_t channel_count = 3;
inline constexpr std::array<std::string_view, channel_count> channel_names{"temperature", "vibration",
                                                                           "voltage"};

enum class AnomalyType : std::uint8_t { spike, trend, pattern, missing_data, noise };
inline constexpr std::size_t anomaly_type_count = 5;
inline constexpr std::array<std::string_view, anomaly_type_count> anomaly_type_names{
    "spike", "trend", "pattern", "missing_data", "noise"};

// One value per channel, or per anomaly type, indexed by the enumerators above.
template <class T>
using PerChannel = std::array<T, channel_count>;
template <class T>
using PerAnomalyType = std::array<T, anomaly_type_count>;

constexpr std::size_t index_of(Channel channel) {
  return static_cast<std::size_t>(channel);
}
constexpr std::size_t index_of(AnomalyType type) {
  return static_cast<std::size_t>(type);
}
constexpr std::string_view name_of(Channel channel) {
  return channel_names[index_of(channel)];
}
constexpr std::string_view name_of(AnomalyType type) {
  return anomaly_type_names[index_of(type)];
}

// Nothing for a name that no type has.
constexpr std::optional<AnomalyType> anomaly_type_of(std::string_view name) {
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    if (anomaly_type_names[k] == name) return static_cast<AnomalyType>(k);
  }
  return std::nullopt;
}

}  // namespace fleet_sim
