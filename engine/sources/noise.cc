#include "sources/noise.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <numbers>

#include "base/math.h"
#include "sources/lattice.h"

namespace fleet_sim::sources {
namespace {

// A height is 3(2U - 1), with U in the middle of one of 2^16 steps of 0 .. 1: an odd number of this unit.
// 3, because the mean square of a hat is 1/3, and so is that of 2U - 1.
constexpr double height_unit = 3.0 / 65536;

double height_in_units(std::uint64_t word, std::size_t place) {
  return static_cast<double>(2 * static_cast<std::int32_t>(word >> (16 * place) & 0xFFFF) - 65535);
}

// 0 at both ends of a cell, 1 in its middle.
double hat(Microseconds into, int exponent) {
  const auto halves = std::bit_cast<double>(static_cast<std::uint64_t>(1024 - exponent) << 52);  // 2^(1-e)
  return 1 - std::fabs(static_cast<double>(into) * halves - 1);
}

}  // namespace

int octave_of(Microseconds span) {
  assert(span > 0);
  const int whole = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(span))) - 1;
  return std::clamp(whole + whole % 2, lowest_octave, highest_octave);
}

void Noises::add(std::size_t place, const types::Noise& noise) {
  assert(place < most && noise.from <= noise.to && noise.roughness > 0);
  const int first = octave_of(noise.from);
  const int last = octave_of(noise.to);
  const auto weight = [&](int exponent) {
    return exponential(noise.roughness * std::numbers::ln2 * (exponent - last));
  };
  double squares = 0;
  for (int e = first; e <= last; e += 2) squares += weight(e) * weight(e);
  for (int e = first; e <= last; e += 2) {
    const auto found = std::ranges::lower_bound(octaves_, e, {}, &Octave::exponent);
    const bool known = found != octaves_.end() && found->exponent == e;
    Octave& octave = known ? *found : *octaves_.insert(found, Octave{e, {}});
    octave.weights[place] = height_unit * weight(e) / std::sqrt(squares);
  }
  const auto slow = std::ranges::lower_bound(octaves_, lowest_slow_octave, {}, &Octave::exponent);
  fast_octaves_ = static_cast<std::size_t>(slow - octaves_.begin());
}

Noises::Values Noises::sum(std::span<const Octave> octaves, std::uint64_t key, Timestamp at) {
  Values values{};
  for (const Octave& octave : octaves) {
    const Cell cell = cell_at(key, octave.exponent, at);
    const std::uint64_t word = word_of(key, octave.exponent, cell.number);
    const double share = hat(cell.into, octave.exponent);
    for (std::size_t place = 0; place < most; ++place) {
      values[place] += share * (octave.weights[place] * height_in_units(word, place));
    }
  }
  return values;
}

}  // namespace fleet_sim::sources
