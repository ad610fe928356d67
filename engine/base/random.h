// Counter-based randomness: a draw is a pure function of (seed, sensor, stream, counter), so a reading has
// the same value whichever thread, shard or process computes it, and nothing has to be stored or replayed to
// resume.
//
// The generator is Philox4x64-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3",
// SC 2011). What is asked of every sensor or row at once, such as whom an entry of a scenario reaches, comes
// from words that mix_words mixes instead. Values only; any thread.
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
  generate,
  fault_stretch,
  aging = 12,  // 10 and 11 are free
  delivery
};

struct WideProduct {
  std::uint64_t high;
  std::uint64_t low;
};

inline WideProduct multiply(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return {static_cast<std::uint64_t>(product >> 64), static_cast<std::uint64_t>(product)};
}

// Philox4x64-10 with key (seed, who) and counter (counter, stream, block, 0): a counter has as many blocks as
// anybody needs.
inline RandomBlock draw_block(std::uint64_t seed, std::uint64_t who, Stream stream, std::uint64_t counter,
                              std::uint64_t block = 0) {
  constexpr std::uint64_t multiplier_0 = 0xD2E7470EE14C6C93;
  constexpr std::uint64_t multiplier_1 = 0xCA5A826395121157;
  constexpr std::uint64_t weyl_0 = 0x9E3779B97F4A7C15;
  constexpr std::uint64_t weyl_1 = 0xBB67AE8584CAA73B;
  RandomBlock x{counter, static_cast<std::uint64_t>(stream), block, 0};
  for (int round = 0; round < 10; ++round) {
    const WideProduct a = multiply(multiplier_0, x[0]);
    const WideProduct b = multiply(multiplier_1, x[2]);
    x = {b.high ^ x[1] ^ seed, b.low, a.high ^ x[3] ^ who, a.low};
    seed += weyl_0;
    who += weyl_1;
  }
  return x;
}

// [0, 1) with 53 random bits.
constexpr double uniform(std::uint64_t word) {
  return static_cast<double>(word >> 11) * 0x1p-53;
}
constexpr double uniform(std::uint64_t word, double low, double high) {
  return low + (high - low) * uniform(word);
}

// 0 .. bound-1, bound > 0. The bias is below bound / 2^64.
inline std::uint64_t uniform_below(std::uint64_t word, std::uint64_t bound) {
  return multiply(word, bound).high;
}

// Mixes two words into one (the finalizer of MurmurHash3 over their combination).
inline std::uint64_t mix_words(std::uint64_t a, std::uint64_t b) {
  std::uint64_t x = a * 0x9E3779B97F4A7C15 ^ b;
  x = (x ^ x >> 33) * 0xFF51AFD7ED558CCD;
  x = (x ^ x >> 33) * 0xC4CEB9FE1A85EC53;
  return x ^ x >> 33;
}

// A stable 64-bit hash of a text (FNV-1a with a final mix): the sensor's part of the key.
std::uint64_t hash_text(std::string_view text);

}  // namespace fleet_sim
