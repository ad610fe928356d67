// Two numbers, the lower first. A plain value; any thread.
#pragma once

namespace fleet_sim {

struct Range {
  double min = 0;
  double max = 0;

  bool operator==(const Range&) const = default;
};

}  // namespace fleet_sim
