#include "delivery/fate.h"

#include <algorithm>

#include "base/math.h"
#include "base/normal.h"

namespace fleet_sim::delivery {
namespace {

constexpr double unit = 0x1p-21;  // of the first bits of a uniform number

// Lognormal with σ = 1.
Microseconds delay_of(std::uint64_t word, Microseconds median) {
  const double medians = std::min(exponential(standard_normal(word)), static_cast<double>(latest_in_medians));
  return std::max<Microseconds>(1, static_cast<Microseconds>(medians * static_cast<double>(median)));
}

scenario::Delivery overlaid(const scenario::Delivery& usual, const scenario::Deliver& said) {
  return {said.drop.value_or(usual.drop), said.late.value_or(usual.late),
          said.duplicate.value_or(usual.duplicate), said.jitter.value_or(usual.jitter)};
}

}  // namespace

Odds::Odds(const scenario::Delivery& delivery) : delivery_(delivery) {
  const auto largest_below = [](double share) { return static_cast<std::uint32_t>(share / unit); };
  unsettled_ = {largest_below(delivery.drop), largest_below(delivery.late.share),
                largest_below(delivery.duplicate)};
  // Of a share of 1, what no number reaches.
  const auto next = [](std::uint32_t unsettled, int bits) {
    return std::min(std::uint64_t{unsettled} + 1, std::uint64_t{1} << bits);
  };
  settled_from_ = next(unsettled_.drop >> 1, 20) << 43 | next(unsettled_.late >> 1, 20) << 22 |
                  next(unsettled_.duplicate, 21);
}

Fate Odds::fate(std::uint64_t seed, std::uint64_t key, Timestamp due) const {
  const auto moment = static_cast<std::uint64_t>(due);
  const std::uint64_t word = draw(seed, key, due);
  const FirstBits first = first_bits(word);
  const auto is_below = [&](std::uint32_t first_bits, std::uint32_t unsettled, double share,
                            std::size_t other) {
    if (first_bits != unsettled) [[likely]]
      return first_bits < unsettled;
    const RandomBlock others = draw_block(seed, key, Stream::delivery, moment);
    return (first_bits + uniform(others[other])) * unit < share;
  };
  Fate fate{.jitter = jitter(word)};
  fate.is_dropped = is_below(first.drop, unsettled_.drop, delivery_.drop, 0);
  if (is_below(first.late, unsettled_.late, delivery_.late.share, 1))
    // Mixed again, because of a late one the first bits are known.
    fate.late = delay_of(mix_words(word, moment), delivery_.late.median);
  fate.is_duplicated = is_below(first.duplicate, unsettled_.duplicate, delivery_.duplicate, 2);
  return fate;
}

How::How(const scenario::Delivery& usual, const scenario::Deliver& said)
    : odds(overlaid(usual, said)), hold(said.hold), drain(said.drain) {}

}  // namespace fleet_sim::delivery
