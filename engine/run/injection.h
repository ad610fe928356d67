// An anomaly that somebody asks for, as the model takes it, and why it cannot happen in a sensor, whatever
// the moment: its type lacks the channel, the channel cannot have it, its anomalies have no severity, or it
// would be over before the sensor's next reading. Pure; any thread. Nothing fails but for lack of memory.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cadence.h"
#include "base/timestamp.h"
#include "model/anomaly.h"
#include "model/spread.h"
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

// Whether such an anomaly counts in what is still to be computed: then that is added to `spreads`, once.
using Spreads = std::vector<std::shared_ptr<const model::TypeSpread>>;
bool awaits_spread(const model::Profile& profile, AnomalyType type, Spreads& spreads);

// When the first reading is due, at `not_before` or later, of a sensor whose next one is due at `next_due`.
Timestamp due_from(Timestamp not_before, Timestamp next_due, Timestamp first_due, const Cadence& cadence);

// What can be asked of a sensor of this profile, and what can be said of it.
std::vector<status::PossibleAnomaly> possible_anomalies(const model::Profile& profile,
                                                        const types::Schema& schema);

}  // namespace fleet_sim::run
