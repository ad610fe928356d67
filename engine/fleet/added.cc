#include "fleet/added.h"

#include <algorithm>

#include "base/math.h"

namespace fleet_sim::fleet {

void add_one(const Added& one, Timestamp at, std::span<double> sums) {
  if (at < one.from || at >= one.until) return;
  const auto& [name, fade, channels] = *one.what;
  double share = 1;
  if (fade > 0) {
    const auto part = [fade](Microseconds span) {
      return raised_cosine(static_cast<double>(span) / static_cast<double>(fade));
    };
    const Microseconds since = at - one.from;
    const Microseconds left = one.until == latest_timestamp ? fade : one.until - at;
    const bool is_whole = since >= fade && left >= fade;  // as nearly always
    share = is_whole ? raised_cosine(1) : std::min(part(since), part(left));
  }
  for (const auto& [channel, number] : channels) {
    if (channel < sums.size()) sums[channel] += share * number;  // the sensor may be of another type since
  }
}

void add_up(std::span<const Added> all, Timestamp at, std::span<double> sums) {
  std::ranges::fill(sums, 0);
  for (const Added& one : all) add_one(one, at, sums);
}

}  // namespace fleet_sim::fleet
