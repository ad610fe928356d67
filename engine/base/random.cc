#include "base/random.h"

namespace fleet_sim {

std::uint64_t hash_text(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return mix_words(hash, text.size());
}

}  // namespace fleet_sim
