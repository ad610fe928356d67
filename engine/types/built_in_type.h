// The declaration of the type of sensor that is built in, and the only place that spells out its name and its
// channels. Configs, identities and behaviors take them from here. Immutable; any thread.
#pragma once

#include <string_view>

#include "types/sensor_type.h"

namespace fleet_sim::types {

// Its channels, for whoever says something of one of them.
inline constexpr std::string_view temperature = "temperature";
inline constexpr std::string_view vibration = "vibration";
inline constexpr std::string_view voltage = "voltage";

const SensorType& built_in_type();

// Whether it is that one, and not one of its name that a config declares.
bool is_built_in(const SensorType& type);

}  // namespace fleet_sim::types
