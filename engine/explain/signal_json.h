// What a declared type's channels and sources are made of, and how its parts wear out, as members of an
// explanation in JSON. Pure; any
// thread.
#pragma once

#include "base/json_writer.h"
#include "explain/explained_sensor.h"

namespace fleet_sim::explain {

using ExplainedNumber = model::Number<model::Chain>;

void add_number(JsonWriter& json, std::string_view name, const ExplainedNumber& number);

// Of a sensor whose type is a declared one.
void add_declared_signal(JsonWriter& json, const ExplainedSensor& sensor);
// How its parts wear out, if its type says so, and where they are now.
void add_agings(JsonWriter& json, const ExplainedSensor& sensor);

}  // namespace fleet_sim::explain
