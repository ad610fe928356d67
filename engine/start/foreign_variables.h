// Environment variables of other simulators, which a run ignores: a user who sets one is told what it is
// called here. Reads the environment; never fails. Called while starting.
#pragma once

#include <string>
#include <vector>

namespace fleet_sim::start {

// A line for each that is set, unless its equivalent is set too.
std::vector<std::string> foreign_variable_warnings(const char* const* environment);

}  // namespace fleet_sim::start
