// Text as a YAML scalar that yaml-cpp reads back to the same text, and as a key in messages. Pure; any
// thread.
#pragma once

#include <string>
#include <string_view>

namespace fleet_sim::yaml {

// Bare where that is safe, else in double quotes.
std::string scalar(std::string_view text);

// Always in double quotes.
std::string quoted(std::string_view text);

// The key of a map below a path, as messages name it: "types.pump", "types.'dry room'". A key may be any text
// until it has been checked.
std::string below(std::string_view path, std::string_view key);

}  // namespace fleet_sim::yaml
