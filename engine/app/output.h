// What a command has to say on standard output.
#pragma once

#include <string_view>

namespace fleet_sim::app {

// The text is all such a command does, so failing to get rid of it is failing: throws std::runtime_error. A
// reader that goes away has what it wanted.
void print(std::string_view text);

}  // namespace fleet_sim::app
