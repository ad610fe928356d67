// A moment of simulated or real time: microseconds since 1970-01-01T00:00:00Z, and its text in the fixed
// width that the `timestamp` column holds. Values only; any thread.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fleet_sim {

using Timestamp = std::int64_t;     // microseconds since the Unix epoch, UTC
using Microseconds = std::int64_t;  // a span of time

inline constexpr Microseconds microseconds_per_second = 1'000'000;
inline constexpr std::int64_t seconds_per_day = 86'400;
inline constexpr Microseconds microseconds_per_day = seconds_per_day * microseconds_per_second;

// Years 0001 to 9999, so that the text keeps its width and sorts as the time does.
inline constexpr Timestamp earliest_timestamp = -62'135'596'800 * microseconds_per_second;
inline constexpr Timestamp latest_timestamp = 253'402'300'799 * microseconds_per_second;

inline constexpr std::size_t timestamp_width = 27;  // 2026-11-23T11:42:00.123456Z
using TimestampText = std::array<char, timestamp_width>;

// Writes timestamps as text. Remembers the last whole second, because consecutive readings share it: only the
// six digits of the fraction are new. One per thread.
class TimestampWriter {
 public:
  // The view stays valid until the next call. `at` lies within earliest_timestamp .. latest_timestamp.
  std::string_view write(Timestamp at);

 private:
  TimestampText text_{};
  std::int64_t second_ = INT64_MIN;
};

std::string timestamp_text(Timestamp at);
// The same for people: whole seconds without a fraction, 2026-11-23T11:42:00Z.
std::string brief_timestamp_text(Timestamp at);

// Reads the timestamps of rows, most of which share their minute with the one before. One per thread.
class TimestampReader {
 public:
  // As parse_timestamp.
  std::optional<Timestamp> read(std::string_view text);

 private:
  // Eight characters each.
  std::array<std::uint64_t, 2> minute_ = std::bit_cast<std::array<std::uint64_t, 2>>(
      std::array{'1', '9', '7', '0', '-', '0', '1', '-', '0', '1', 'T', '0', '0', ':', '0', '0'});
  Timestamp minute_begins_ = 0;
};

// Accepts 2026-01-31, 2026-01-31T12:30, 2026-01-31T12:30:05 and fractions of up to six digits, with T or a
// space, and a zone of Z or +02:00 (none means UTC). Returns nothing for any other text or a date that does
// not exist.
std::optional<Timestamp> parse_timestamp(std::string_view text);

}  // namespace fleet_sim
