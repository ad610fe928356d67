// Plain values that may be a range, as a list or a map on one line, by the rules of values.h. Pure; any
// thread.
#pragma once

#include <string>
#include <string_view>

#include "base/anomaly_types.h"
#include "base/range.h"
#include "yaml/values.h"

namespace fleet_sim::yaml {

// 10m, or {median: 10m, min: 1m, max: 6h} with min <= median <= max
std::string parse_duration_law(std::string_view text, const Bounds& bounds, DurationRange& law);
// 3, or [2, 4], the lower first
std::string parse_range(std::string_view text, const Bounds& bounds, Range& range);

std::string duration_law_text(const DurationRange& law);
std::string number_range_text(const Range& range);

}  // namespace fleet_sim::yaml
