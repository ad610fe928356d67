// What a shell needs to complete our command line, as a script made from the option table. Pure.
#pragma once

#include <string>

#include "app/option_table.h"

namespace fleet_sim::app {

// For bash; needs nothing but bash itself.
std::string bash_completion(const OptionTable& table);

}  // namespace fleet_sim::app
