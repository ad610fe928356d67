// Whose the sources of a type are, and what they follow. Pure; any thread.
#pragma once

#include <string>

#include "explain/explained_sensor.h"
#include "types/signal_declaration.h"

namespace fleet_sim::explain {

// "shared by all sensors of site 'Plant 1'".
std::string owner_of(const ExplainedSensor& sensor, const types::Source& source);

types::Scope scope_of(const types::Source& source);

// Whether a source depends on the sensor's local time.
bool follows_clock(const types::SignalDeclaration& signal);

}  // namespace fleet_sim::explain
