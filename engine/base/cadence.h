// When a sensor's readings are due: start + phase + k periods, exact to the microsecond for decades of
// simulated time, because the period keeps 40 binary places below the microsecond. Values only; any thread.
#pragma once

#include <compare>
#include <cstdint>

#include "base/timestamp.h"

namespace fleet_sim {

inline constexpr double lowest_rate = 1e-8;  // readings per second: one in three years
inline constexpr double highest_rate = 1e6;  // one per microsecond, the resolution of a timestamp

// The fleet goes through simulated time in windows of at most this span, one after the other. So within a
// shard a run's row is due no more than this before any row in front of it.
inline constexpr Microseconds longest_window = microseconds_per_second;
// … and of about this many readings, because a window is left before a stop is looked at.
inline constexpr std::uint32_t readings_per_window = 200'000;

class Cadence {
 public:
  // `readings_per_second` lies in lowest_rate .. highest_rate.
  explicit Cadence(double readings_per_second);

  // Offset of the k-th reading from the first, rounded down to whole microseconds.
  [[nodiscard]] Microseconds offset(std::uint64_t k) const {
    return static_cast<Microseconds>((static_cast<Wide>(period_) * k) >> fraction_bits);
  }

  // How many of the offsets 0, 1, 2 … lie before `span`.
  [[nodiscard]] std::uint64_t count_before(Microseconds span) const;

  // The period rounded down to whole microseconds; at least 1.
  [[nodiscard]] Microseconds period() const { return offset(1); }

  auto operator<=>(const Cadence&) const = default;

 private:
  __extension__ using Wide = unsigned __int128;
  static constexpr int fraction_bits = 40;
  Wide period_;  // microseconds · 2^40
};

}  // namespace fleet_sim
