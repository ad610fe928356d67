// What a reload does to a fleet: the fate of each sensor there is, and the sensors that join. Worked out
// beside the running fleet, so that the swap itself is one pass over the sensors. A sensor's randomness
// depends on its id, so a sensor that changes keeps the draws it would have had.
//
// When a sensor's cadence changes it leaves its cohort and joins one of the new cadence. Its readings are
// then due where they would have been had the run begun with it, from the moment of the change on; none that
// was due before comes again.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/cadence.h"
#include "batch/reading.h"
#include "fleet/profile_table.h"
#include "model/sensor.h"
#include "timeline/script.h"

namespace fleet_sim::fleet {

// What becomes of a sensor. One that changes keeps its place in its cohort.
struct Fate {
  enum class Kind : std::uint8_t { stays, changes, rejoins, leaves };

  const model::Profile* profile = nullptr;  // the new one
  std::uint32_t to = 0;  // changes: index into the Roster; rejoins: into FleetChange::joiners
  Kind kind = Kind::stays;
  bool to_another_shard = false;              // ends its anomaly, whose row is in the shard it leaves
  const model::SharedKeys* shared = nullptr;  // with the profile
};

struct Joiner {
  std::uint32_t writer = 0;
  Cadence cadence{1};
  model::Sensor sensor{};
  bool is_new = true;                     // has not been in the fleet: may be in the middle of an anomaly
  std::vector<model::AgingState> ages{};  // of its agings, as it brings them along
};

// An anomaly that the change ended, or that had ended but for readings of the new rate, for the writer of its
// shard.
struct ChangedAnomaly {
  std::uint32_t writer;
  batch::AnomalyEvent event;
};

// What one sensor is to become: its identity becomes the one at `to`, or it is new.
struct WantedSensor {
  std::optional<std::uint32_t> from;  // index of what it is now
  std::uint32_t to = 0;
  std::optional<std::uint32_t> writer_now;
  std::uint32_t writer = 0;
  bool to_another_shard = false;
  bool comes_back = false;  // was in the fleet before, and has readings from then
};

struct FleetChange {
  std::vector<Fate> fates;  // from index `first_fate` into the Roster on; all others stay
  std::uint32_t first_fate = 0;
  std::vector<Joiner> joiners;             // sorted by writer, cadence, phase and key
  std::shared_ptr<ProfileTable> profiles;  // that the fleet has from now on; afterwards, those it had
  // Of a scenario that changes; none: it stays.
  std::shared_ptr<const timeline::Script> script = {};
  std::vector<ChangedAnomaly> anomalies;  // filled by the swap

  [[nodiscard]] const Fate& fate_of(std::uint32_t identity) const {
    static constexpr Fate staying;
    const bool has_fate = identity >= first_fate && identity - first_fate < fates.size();
    return has_fate ? fates[identity - first_fate] : staying;
  }
};

// Under the config of `profiles`, where sensors ran under `was`. Sensors that neither list names stay.
FleetChange plan_fleet_change(const config::Config& was, std::shared_ptr<ProfileTable> profiles,
                              std::span<const WantedSensor> wanted, std::span<const std::uint32_t> removed);

}  // namespace fleet_sim::fleet
