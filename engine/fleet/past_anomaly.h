// What a sensor is in the middle of when a run is resumed: the last anomaly that it began, carried through
// the reloads since, by the rules by which the running fleet carries it (cohort.h). Worked out from what the
// shards tell and the record of the reloads alone, without replaying the run. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/cadence.h"
#include "base/terms.h"
#include "base/timestamp.h"
#include "fleet/added.h"
#include "model/anomaly.h"
#include "model/profile.h"
#include "model/sensor.h"

namespace fleet_sim::fleet {

// Types of anomalies, a bit for each.
using EndedTypes = std::uint32_t;
static_assert(anomaly_type_count <= 32);
EndedTypes types_named(std::span<const std::string> names);

// The last anomaly that a sensor began before some moment.
struct PastAnomaly {
  model::AnomalyRequest request;  // with which it began: what it leaves open was drawn
  Timestamp started_at;
  std::vector<Added> added{};          // to what the sensor read then, by a scenario, and which …
  std::optional<Serviced> serviced{};  // … parts had been replaced out of turn
};
using PastAnomalies = std::unordered_map<std::uint32_t, PastAnomaly>;  // by index into the Roster

// A time in which a sensor stayed what it is. Readings due from `from` to before `to` are of this profile.
struct Stretch {
  Timestamp from;
  Timestamp to;
  const model::Profile* profile;
  Cadence cadence;
  bool in_another_shard = false;              // than the stretch before, which ended the sensor's anomaly
  const model::SharedKeys* shared = nullptr;  // of the sources that it shares with others
  EndedTypes ends = 0;                        // which anomalies are over as it begins
};

// What is known of a sensor since it joined the fleet, or, of one without agings, since its last anomaly
// began: at least one stretch, each beginning where the one before ends.
struct Life {
  std::vector<Stretch> stretches;
  bool begins_new = false;  // the first stretch begins with its first reading ever, perhaps amid an anomaly
  bool begins_at_onset = false;  // or with the anomaly
};
using Lives = std::unordered_map<std::uint32_t, Life>;  // by index into the Roster

struct RunSeed {
  std::uint64_t seed;
  Timestamp start;
};

// What the sensor with this key is in the middle of at `moment`, when every reading due before has been
// taken.
model::Anomaly anomaly_at(Timestamp moment, std::uint64_t key, std::span<const Stretch> stretches,
                          bool begins_new, const PastAnomaly* latest, RunSeed run,
                          bool begins_at_onset = false);

// How many readings of such a sensor were due from `since` to before `moment` that belong to an event of the
// shard it is in now: since it joined, or came from another shard.
std::uint64_t readings_since(Timestamp since, Timestamp moment, std::uint64_t key,
                             std::span<const Stretch> stretches, Timestamp start);

// Whether an anomaly outlasts a change of its sensor that allows it to: `has_more` readings lie in it
// afterwards, or its last reading had been taken when they `was_open` no more.
constexpr bool outlasts_change(bool may_continue, bool has_more, bool was_open) {
  return may_continue && (has_more || !was_open);
}

// When the last reading of such a sensor was due before `moment` that belongs to an event of the shard it is
// in now. None: there was no such reading.
std::optional<Timestamp> last_due(Timestamp moment, std::uint64_t key, std::span<const Stretch> stretches,
                                  Timestamp start);

}  // namespace fleet_sim::fleet
