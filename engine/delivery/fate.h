// What becomes of a reading between the sensor and the file: whether it is dropped, late or delivered twice,
// and how far its timestamp is off. A pure function of the seed, the sensor and the time at which the reading
// is due, so that partitions, threads and resumed runs agree. Values; any thread; cannot fail.
#pragma once

#include <cstdint>

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

Fate fate_of(std::uint64_t seed, std::uint64_t key, Timestamp due, const scenario::Deliver& how);

// `said` in place of `usual`, where it says something.
scenario::Deliver overlaid(const scenario::Deliver& usual, const scenario::Deliver& said);

}  // namespace fleet_sim::delivery
