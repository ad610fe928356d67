// Moments as other programs write them: text with any offset, or a number since 1970. Pure; any thread.
#pragma once

#include <optional>
#include <string_view>

#include "base/timestamp.h"

namespace fleet_sim::files {

// What was meant lies less than `unit` from `at`: programs cut times off, or round them.
struct Moment {
  Timestamp at = 0;
  Microseconds unit = 1;

  bool operator==(const Moment&) const = default;
};

// Accepts what parse_timestamp does; also fractions of any length, zones of +0200 and +02, and " UTC". A
// number counts seconds, milliseconds, microseconds or nanoseconds since 1970, as its size tells: a unit is
// the one that puts it between March 1973 and the year 5138. Nothing for any other text.
std::optional<Moment> parse_moment(std::string_view text);

}  // namespace fleet_sim::files
