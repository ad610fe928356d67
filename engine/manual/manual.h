// The manual as a man page, made from the option table and the table of config keys. Pure.
#pragma once

#include <string>

#include "manual/option_table.h"

namespace fleet_sim::manual {

// Roff source, for man(7).
std::string manual_page(const OptionTable& table);

}  // namespace fleet_sim::manual
