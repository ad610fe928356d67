// What `--version` prints: the version, then how this executable was built and from what. Pure.
#pragma once

#include <string>

namespace fleet_sim::app {

// Three lines, the first of which is the program's name and version alone, for scripts that read it.
std::string version_text();

}  // namespace fleet_sim::app
