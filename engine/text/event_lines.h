// The ground truth as NDJSON, with the columns of its tables. Of an anomaly, a line when it begins, and one
// for each later state of it, of which the last counts; a line for each time that an entry of a scenario
// reaches a sensor; and one for what delivery does to a reading. Pure; any thread.
#pragma once

#include <string>

#include "batch/reading.h"
#include "identity/identity.h"
#include "types/schema.h"

namespace fleet_sim::text {

void append_event(std::string& out, const batch::AnomalyEvent& event, const identity::Roster& roster,
                  const types::Schema& schema);
void append_event(std::string& out, const batch::FleetEvent& event, const identity::Roster& roster);
void append_delivery(std::string& out, const batch::Delivery& delivery, const identity::Roster& roster);

}  // namespace fleet_sim::text
