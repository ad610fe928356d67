#include "sources/keys.h"

#include "base/random.h"

namespace fleet_sim::sources {

std::uint64_t sensor_key(std::uint64_t seed, std::uint64_t sensor) {
  return mix_words(seed, sensor);
}

std::uint64_t shared_key(std::uint64_t seed, types::Scope scope, std::string_view place,
                         std::string_view source) {
  const std::uint64_t where = mix_words(static_cast<std::uint64_t>(scope), hash_text(place));
  return mix_words(seed, mix_words(where, hash_text(source)));
}

}  // namespace fleet_sim::sources
