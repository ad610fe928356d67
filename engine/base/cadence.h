// How often a sensor is read, and when: its readings are due at origin + phase + k periods. An interval of
// whole microseconds is kept exactly; any other period keeps 40 binary places below the microsecond, which is
// exact to the microsecond for decades of simulated time. Values only; any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>

#include "base/timestamp.h"

namespace fleet_sim {

inline constexpr double lowest_rate = 1e-8;  // readings per second: one in three years
inline constexpr double highest_rate = 1e6;  // one per microsecond, the resolution of a timestamp
inline constexpr Microseconds longest_interval = 1'157 * microseconds_per_day;  // about the lowest rate

// The fleet moves through simulated time in windows of at most this span, one after the other. So within a
// shard, a row of a run is due at most this much earlier than any row before it.
inline constexpr Microseconds longest_window = microseconds_per_second;
// … and of about this many readings, because a stop takes effect only between windows.
inline constexpr std::uint32_t readings_per_window = 200'000;

// How often, as a user wrote it: a number per second, or the time between two. One value with two spellings,
// which remembers its own, so that it is recorded and shown as it was written.
class Rate {
 public:
  // Not explicit: a number is a rate wherever a rate is expected. Within lowest_rate .. highest_rate.
  constexpr Rate(double readings_per_second) : per_second_(readings_per_second) {}
  // Within 1 .. longest_interval.
  static constexpr Rate every(Microseconds interval) {
    Rate rate(1e6 / static_cast<double>(interval));
    rate.interval_ = interval;
    return rate;
  }

  [[nodiscard]] constexpr double per_second() const { return per_second_; }
  [[nodiscard]] constexpr double seconds() const {
    return interval_ > 0 ? static_cast<double>(interval_) / 1e6 : 1 / per_second_;
  }
  // None: it was given as a rate.
  [[nodiscard]] constexpr std::optional<Microseconds> interval() const {
    return interval_ > 0 ? std::optional(interval_) : std::nullopt;
  }

  auto operator<=>(const Rate&) const = default;

 private:
  double per_second_;
  Microseconds interval_ = 0;  // 0: none
};

// Where in its period a sensor is read: each at its own place, or all at the multiples of the period since
// 1970-01-01T00:00:00Z.
enum class Phase : std::uint8_t { staggered, aligned };

class Cadence {
 public:
  explicit Cadence(const Rate& rate, Phase phase = Phase::staggered);

  [[nodiscard]] bool is_aligned() const { return phase_ == Phase::aligned; }

  // The moment from which periods are counted in a run with this start: the start itself or, when aligned,
  // the first multiple of the period that does not lie before it, to the nearest microsecond.
  [[nodiscard]] Timestamp origin(Timestamp start) const {
    return is_aligned() ? first_multiple(start) : start;
  }

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

  [[nodiscard]] Timestamp first_multiple(Timestamp start) const;

  Rate rate_;
  Phase phase_;
  Wide period_;  // microseconds · 2^40
};

}  // namespace fleet_sim
