#include "sources/cycle.h"

#include <cassert>

#include "base/math.h"

namespace fleet_sim::sources {

Cycle::Cycle(const types::Cycle& cycle, const zones::Zone& zone) : cycle_(cycle), zone_(zone) {
  assert(cycle.period > 0);
}

double Cycle::at(Timestamp at) const {
  const Microseconds period = cycle_.period;
  Microseconds since_peak = (at + zone_.offset_at(at) - cycle_.peak) % period;
  if (since_peak < 0) since_peak += period;
  const double turns = static_cast<double>(since_peak) / static_cast<double>(period);
  using Shape = types::Cycle::Shape;
  switch (cycle_.shape) {
    case Shape::sine:
      return sine_of_turns(turns + 0.25);
    case Shape::saw:
      return since_peak == 0 ? 1 : 2 * turns - 1;
    case Shape::square:
      return turns < 0.25 || turns >= 0.75 ? 1 : -1;
  }
  return 0;
}

}  // namespace fleet_sim::sources
