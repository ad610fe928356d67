// What a shell needs to complete our command line, as a script made from the option table. Pure.
#pragma once

#include <string>

#include "manual/option_table.h"

namespace fleet_sim::manual {

// For bash; needs nothing but bash itself.
std::string bash_completion(const OptionTable& table);

}  // namespace fleet_sim::manual
