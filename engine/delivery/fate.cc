#include "delivery/fate.h"

#include <algorithm>
#include <cmath>

#include "base/math.h"
#include "base/random.h"

namespace fleet_sim::delivery {
namespace {

// Lognormal with σ = 1: its normal deviate is that of Box and Muller (1958).
Microseconds delay_of(const RandomBlock& draws, Microseconds median) {
  const double radius = std::sqrt(-2 * natural_log(1 - uniform(draws[0])));
  const double deviate = radius * sine_of_turns(uniform(draws[1]));
  const double medians = std::min(exponential(deviate), static_cast<double>(latest_in_medians));
  return std::max<Microseconds>(1, static_cast<Microseconds>(medians * static_cast<double>(median)));
}

// Uniform, both bounds included.
Microseconds jitter_of(std::uint64_t word, Microseconds bound) {
  return static_cast<Microseconds>(uniform_below(word, 2 * static_cast<std::uint64_t>(bound) + 1)) - bound;
}

}  // namespace

Fate fate_of(std::uint64_t seed, std::uint64_t key, Timestamp due, const scenario::Deliver& how) {
  // As where readings are only held back.
  if (how.drop == 0 && how.late.share == 0 && how.duplicate == 0 && how.jitter == 0) return {};
  const auto moment = static_cast<std::uint64_t>(due);
  const RandomBlock draws = draw_block(seed, key, Stream::delivery, moment);
  Fate fate;
  fate.is_dropped = uniform(draws[0]) < how.drop;
  if (uniform(draws[1]) < how.late.share)
    fate.late = delay_of(draw_block(seed, key, Stream::delivery, moment, 1), how.late.median);
  fate.is_duplicated = uniform(draws[2]) < how.duplicate;
  fate.jitter = jitter_of(draws[3], how.jitter);
  return fate;
}

scenario::Deliver overlaid(const scenario::Deliver& usual, const scenario::Deliver& said) {
  scenario::Deliver both = said;
  if (said.drop == 0) both.drop = usual.drop;
  if (said.late == scenario::Late{}) both.late = usual.late;
  if (said.duplicate == 0) both.duplicate = usual.duplicate;
  if (said.jitter == 0) both.jitter = usual.jitter;
  return both;
}

}  // namespace fleet_sim::delivery
