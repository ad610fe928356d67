// Noise, as a sum of octaves. Octave e is a row of hats, one to each cell of 2^e microseconds: straight from
// 0 to a random height in the middle of the cell and back to 0. The weights of the octaves grow with their
// length, and the sum has mean 0 and variance 1.
//
// Up to four noises of one key share the words of their cells, 16 bits each. Fast and slow octaves are asked
// for apart, so that the slow ones can be computed less often. Immutable once filled; any thread; allocates
// only while it is filled.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/timestamp.h"
#include "types/signal_declaration.h"

namespace fleet_sim::sources {

// The octaves lie two exponents apart, at the even ones in between: a millisecond to nine years.
inline constexpr int lowest_octave = 10;
inline constexpr int highest_octave = 48;

// From this one on an octave is slow: its cells last 4.5 minutes or more, four times the distance of knots
// (signal.h). An octave as fast as the knots would have them where its hats are 0, and vanish.
inline constexpr int lowest_slow_octave = 28;

// The even exponent e with 2^(e-1) <= span < 2^(e+1), within the bounds above.
int octave_of(Microseconds span);

class Noises {
 public:
  static constexpr std::size_t most = 4;
  using Values = std::array<double, most>;  // by place

  // `place` is below `most`, and free.
  void add(std::size_t place, const types::Noise& noise);

  [[nodiscard]] bool has_fast() const { return !octaves(true).empty(); }
  [[nodiscard]] bool has_slow() const { return !octaves(false).empty(); }

  // What the fast octaves come to at a moment, and the slow ones. Places without a noise read 0.
  [[nodiscard]] Values fast(std::uint64_t key, Timestamp at) const { return sum(octaves(true), key, at); }
  [[nodiscard]] Values slow(std::uint64_t key, Timestamp at) const { return sum(octaves(false), key, at); }

 private:
  struct Octave {
    int exponent;
    Values weights;
  };

  [[nodiscard]] std::span<const Octave> octaves(bool fast) const {
    return fast ? std::span(octaves_).first(fast_octaves_) : std::span(octaves_).subspan(fast_octaves_);
  }
  static Values sum(std::span<const Octave> octaves, std::uint64_t key, Timestamp at);

  std::vector<Octave> octaves_;  // fast ones first
  std::size_t fast_octaves_ = 0;
};

}  // namespace fleet_sim::sources
