#include "app/sources_argument.h"

#include <CLI/CLI.hpp>

namespace fleet_sim::app {

CLI::Option* add_sources(CLI::App& command, std::vector<std::filesystem::path>& sources) {
  return command.add_option(
      "PATH", sources, "Data directory, or file: a shard, a backup, or a database that scripts/collect made");
}

}  // namespace fleet_sim::app
