// An anomaly that somebody asks for, as the model takes it, and why it cannot happen in a sensor, whatever
// the moment: its type lacks the channel, the channel cannot have it, its anomalies have no severity, or it
// would be over before the sensor's next reading. Pure; any thread. Nothing fails but for lack of memory.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/cadence.h"
#include "model/anomaly.h"
#include "status/status.h"
#include "types/schema.h"

namespace fleet_sim::run {

// As of a sensor of that type. None if it has no such channel: the message is then `no_such_channel`.
std::optional<model::AnomalyRequest> request_of(const status::AskedAnomaly& asked,
                                                const types::Schema& schema);
std::string no_such_channel(const status::AskedAnomaly& asked, const types::Schema& schema);

// Why a sensor of this profile, read at that cadence, cannot have it; empty when it can.
std::string objection_to(const status::AskedAnomaly& asked, const model::AnomalyRequest& request,
                         const model::Profile& profile, const Cadence& cadence);

// What can be asked of a sensor of this profile, and what can be said of it.
std::vector<status::PossibleAnomaly> possible_anomalies(const model::Profile& profile,
                                                        const types::Schema& schema);

}  // namespace fleet_sim::run
