// What a declared type's channels and sources are made of, and how its parts wear out, as rows of an
// explanation. Pure; main thread.
#pragma once

#include "explain/explained_sensor.h"
#include "explain/text_page.h"

namespace fleet_sim::explain {

// Of a sensor whose type is a declared one.
void add_declared_signal(Page& page, const ExplainedSensor& sensor);
// How its parts wear out, if its type says so, and where they are now.
void add_agings(Page& page, const ExplainedSensor& sensor);

}  // namespace fleet_sim::explain
