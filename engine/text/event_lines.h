// Anomaly events as NDJSON, with the columns of the table anomaly_events: a line when one begins, and one for
// each later state of it, of which the last counts. Pure; any thread.
#pragma once

#include <string>

#include "batch/reading.h"
#include "identity/identity.h"
#include "types/schema.h"

namespace fleet_sim::text {

void append_event(std::string& out, const batch::AnomalyEvent& event, const identity::Roster& roster,
                  const types::Schema& schema);

}  // namespace fleet_sim::text
