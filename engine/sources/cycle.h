// What repeats: a sine, saw or square between -1 and 1, by the local clock. Immutable; any thread.
#pragma once

#include "base/timestamp.h"
#include "types/signal_declaration.h"
#include "zones/zone.h"

namespace fleet_sim::sources {

class Cycle {
 public:
  Cycle(const types::Cycle& cycle, const zones::Zone& zone);

  [[nodiscard]] double at(Timestamp at) const;

 private:
  types::Cycle cycle_;
  zones::Zone zone_;
};

}  // namespace fleet_sim::sources
