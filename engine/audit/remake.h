// Readings made again one by one, in any order: a reading is the clean signal of its sensor and the anomaly
// it lies in. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "audit/track.h"
#include "batch/values.h"
#include "history/memories.h"
#include "history/rebuilt_run.h"
#include "identity/identity.h"

namespace fleet_sim::audit {

struct Remade {
  Timestamp due = 0;
  batch::Values values;
  std::optional<AnomalyType> anomaly;
  const model::Profile* profile = nullptr;  // null: the sensor was not in the fleet
  std::uint32_t identity = 0;
  identity::OverlayIndex overlay = 0;
};

// Without regard to `Track::odd`.
Remade remake(const history::RebuiltRun& run, const Track& track, Timestamp due,
              const history::Memories::Memory& memory = {});
// The reading as it was.
Remade reading_of(const history::RebuiltRun& run, const Track& track, std::uint64_t number,
                  const history::Memories::Memory& memory = {});

}  // namespace fleet_sim::audit
