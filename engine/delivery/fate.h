// What becomes of a reading between the sensor and the file: whether it is dropped, late or delivered twice,
// and how far its timestamp is off. A pure function of the seed, the sensor and the time at which the reading
// is due, so that partitions, threads and resumed runs agree. Values; any thread; cannot fail.
#pragma once

#include <cstdint>

#include "base/random.h"
#include "base/timestamp.h"
#include "scenario/entry.h"

namespace fleet_sim::delivery {

struct Fate {
  bool is_dropped = false;
  bool is_duplicated = false;
  Microseconds late = 0;    // how long after it was due it may arrive; 0: at once
  Microseconds jitter = 0;  // what its timestamp is off

  bool operator==(const Fate&) const = default;
};

// No reading is later than so many medians.
inline constexpr std::int64_t latest_in_medians = 100;

// How likely each fate is. Each share is compared with a uniform number of its own. The first 21 bits of the
// three numbers are in one word, which settles the fate of nearly every reading; the others are drawn only
// for one that it does not settle.
class Odds {
 public:
  explicit Odds(const scenario::Delivery& delivery = {});

  // Of a reading. Inline, as are the next two, because every reading comes here.
  static std::uint64_t draw(std::uint64_t seed, std::uint64_t key, Timestamp due) {
    return mix_words(seed ^ key, static_cast<std::uint64_t>(due));
  }
  // Whether the draw says that it arrives once, when it is due; for few that do, it does not. The numbers are
  // compared together, as they lie side by side: the bit above each stays set unless the number falls short.
  [[nodiscard]] bool arrives_at_once(std::uint64_t draw) const {
    constexpr std::uint64_t bits_above =
        std::uint64_t{1} << 63 | std::uint64_t{1} << 42 | std::uint64_t{1} << 21;
    return (((draw >> 1 | bits_above) - settled_from_) & bits_above) == bits_above;
  }
  // What its timestamp is off: uniform, both bounds included. The product's upper bits depend on all bits of
  // the draw, so it has nothing to do with what the first bits say; the factor is one of Steele and Vigna's
  // (Computationally easy, spectrally good multipliers, 2022).
  [[nodiscard]] Microseconds jitter(std::uint64_t draw) const {
    constexpr std::uint64_t multiplier = 0xD1342543DE82EF95;
    const auto width = 2 * static_cast<std::uint64_t>(delivery_.jitter) + 1;
    return static_cast<Microseconds>(uniform_below(draw * multiplier, width)) - delivery_.jitter;
  }
  // All of it.
  [[nodiscard]] Fate fate(std::uint64_t seed, std::uint64_t key, Timestamp due) const;

  bool operator==(const Odds&) const = default;

 private:
  // Of the uniform numbers, in units of 2^-21.
  struct FirstBits {
    std::uint32_t drop;
    std::uint32_t late;
    std::uint32_t duplicate;

    bool operator==(const FirstBits&) const = default;
  };
  static FirstBits first_bits(std::uint64_t word) {
    constexpr std::uint32_t bits = (1u << 21) - 1;
    return {static_cast<std::uint32_t>(word >> 43), static_cast<std::uint32_t>(word >> 22) & bits,
            static_cast<std::uint32_t>(word >> 1) & bits};
  }

  scenario::Delivery delivery_;
  FirstBits unsettled_;  // the largest of a number that may be below its share
  // The next larger ones, as arrives_at_once() needs them. The last bits of the first two make room for the
  // bits above, so these are in units of 2^-20.
  std::uint64_t settled_from_;
};

// How the rows of a sensor arrive.
struct How {
  // As usual, but for what an entry says.
  explicit How(const scenario::Delivery& usual, const scenario::Deliver& said = {});

  Odds odds;
  bool hold = false;  // all wait; afterwards `drain` of them come with each new one
  std::uint64_t drain = 0;

  bool operator==(const How&) const = default;
};

}  // namespace fleet_sim::delivery
