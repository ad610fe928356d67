// Puts what a resumed run has recorded onto the agenda, so that it happens to the fleet again at the same
// moments. Main thread, while starting; nothing fails.
#pragma once

#include <memory>
#include <span>

#include "fleet/agenda.h"
#include "fleet/fleet.h"
#include "fleet/fleet_change.h"
#include "history/history.h"
#include "identity/identity.h"
#include "sqlite/shard_plan.h"
#include "start/edition.h"
#include "start/resumption.h"

namespace fleet_sim::start {

// Borrowed; outlives the agenda.
struct FollowTargets {
  const identity::Roster& roster;
  const write::Places& places;
  fleet::Fleet& fleet;
  fleet::Agenda& agenda;
  Editions& editions;  // has begun with the edition of the moment at which the run is resumed
};

// What the fleet is after its last entry.
struct LatestEdition {
  Edition edition;
  std::shared_ptr<fleet::ProfileTable> profiles;
};

LatestEdition follow_record(const history::History& history, const Resumption& resumption,
                            const FollowTargets& targets);

// A new config concerns all sensors, and moves none.
std::vector<fleet::WantedSensor> everyone_stays(std::span<const std::uint32_t> members,
                                                const write::Places& places);

}  // namespace fleet_sim::start
