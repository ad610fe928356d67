// Counter-based randomness: a draw is a pure function of (seed, sensor, stream, counter), so a reading has
// the same value whichever thread, shard or process computes it, and nothing has to be stored or replayed to
// go on.
//
// The generator is Philox4x64-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3",
// SC 2011). Normals come from the inverse of their distribution (Wichura, algorithm AS 241, 1988). Both use
// only + - * / and square root, which IEEE 754 rounds the same everywhere; the one logarithm needed is our
// own (see math.h). Values only; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace fleet_sim {

// Four independent uniform 64-bit words.
using RandomBlock = std::array<std::uint64_t, 4>;

// Draws for different purposes never share a block.
enum class Stream : std::uint64_t {
  reading,
  onset,
  noise,
  steady_start,
  phase,
  partition,
  shard,
  backoff,
  generate
};

// Philox4x64-10 with key (seed, who) and counter (counter, stream, 0, 0).
RandomBlock draw_block(std::uint64_t seed, std::uint64_t who, Stream stream, std::uint64_t counter);

// [0, 1) with 53 random bits.
constexpr double uniform(std::uint64_t word) {
  return static_cast<double>(word >> 11) * 0x1p-53;
}
constexpr double uniform(std::uint64_t word, double low, double high) {
  return low + (high - low) * uniform(word);
}

// 0 .. bound-1, bound > 0. The bias is below bound / 2^64.
std::uint64_t uniform_below(std::uint64_t word, std::uint64_t bound);

// A standard normal draw from one word.
double standard_normal(std::uint64_t word);

// A stable 64-bit hash of a text (FNV-1a with a final mix): the sensor's part of the key.
std::uint64_t hash_text(std::string_view text);

// Mixes two words into one (the finaliser of MurmurHash3 over their combination).
std::uint64_t mix_words(std::uint64_t a, std::uint64_t b);

}  // namespace fleet_sim
