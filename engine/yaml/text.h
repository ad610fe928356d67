// Text as a YAML scalar that yaml-cpp reads back to the same text. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace fleet_sim::yaml {

// Bare where that is safe, else in double quotes.
std::string scalar(std::string_view text);

// Always in double quotes.
std::string quoted(std::string_view text);

}  // namespace fleet_sim::yaml
