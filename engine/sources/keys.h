// The keys from which the randomness of a sensor's sources follows. Values; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "types/signal_declaration.h"

namespace fleet_sim::sources {

struct Keys {
  std::uint64_t sensor;                   // sensor_key
  std::span<const std::uint64_t> shared;  // of the sources that it shares: SourceSet::shared_keys
};

// `sensor` is the hash of the sensor's id.
std::uint64_t sensor_key(std::uint64_t seed, std::uint64_t sensor);

// Sensors of any type share a source of the same scope, place and name.
std::uint64_t shared_key(std::uint64_t seed, types::Scope scope, std::string_view place,
                         std::string_view source);

}  // namespace fleet_sim::sources
