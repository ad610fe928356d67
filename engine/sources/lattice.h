// Time in cells: those of exponent e last 2^e microseconds, so finding one takes shifts and no division. Each
// key shifts its cells by an amount of its own, so that no two sensors change at the same moments, and draws
// a word for each. Pure; any thread. Exponents are 1 to 63.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/random.h"
#include "base/timestamp.h"

namespace fleet_sim::sources {

struct Cell {
  std::int64_t number;
  Microseconds into;  // how long ago it began
};

constexpr Microseconds length_of_cell(int exponent) {
  return Microseconds{1} << exponent;
}

// How long before a multiple of their length the cells begin: 0 to 2^e - 1.
constexpr Microseconds shift_of(std::uint64_t key, int exponent) {
  const std::uint64_t mixed = key * (0x9E3779B97F4A7C15 + 2 * static_cast<std::uint64_t>(exponent));
  return static_cast<Microseconds>(mixed >> (64 - exponent));
}

// The cell that a moment lies in.
constexpr Cell cell_at(std::uint64_t key, int exponent, Timestamp at) {
  const std::int64_t shifted = at + shift_of(key, exponent);
  return {shifted >> exponent, shifted & (length_of_cell(exponent) - 1)};
}

inline std::uint64_t word_of(std::uint64_t key, int exponent, std::int64_t cell) {
  return mix_words(key + static_cast<std::uint64_t>(exponent), static_cast<std::uint64_t>(cell));
}

// The key of a lattice that shares nothing with others of the same key: stream 0 is the key itself. There are
// more streams than exponents, and no word of one is another's.
constexpr std::uint64_t stream_key(std::uint64_t key, std::size_t stream) {
  return key + 64 * stream;
}

}  // namespace fleet_sim::sources
