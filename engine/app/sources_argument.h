// The argument of commands that read data back: data directories and files, one or several. Main thread.
#pragma once

#include <filesystem>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): the library's
class App;
class Option;
}  // namespace CLI

namespace fleet_sim::app {

// Adds PATH to the command, which fills `sources` when it is parsed.
CLI::Option* add_sources(CLI::App& command, std::vector<std::filesystem::path>& sources);

}  // namespace fleet_sim::app
