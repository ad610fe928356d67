// Merges one YAML config over a Config: every key of the table, the behaviors, the types and the scenario,
// each problem with its line. Runs while starting and reloading, on any one thread.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/problems.h"
#include "config/config.h"

namespace fleet_sim::config {

// Where each key was last set, and how, for keys not at their default: for problems that only show once all
// layers are combined, and for `explain`. Keys are names of the table, "types.NAME" of each declared type,
// and "scenario.NAME" of each entry of a scenario, with "scenario" where a file has one.
struct Origin {
  std::string place;    // "config.yaml:7", "--rate"
  std::string written;  // the value as it stands there
};
using Origins = std::map<std::string, Origin, std::less<>>;

void read_config_file(const std::filesystem::path& path, Config& config, Origins& origins,
                      Problems& problems);

// The same from a text that is not in a file; `place` names it in problems.
void read_config_text(std::string_view text, const std::string& place, Config& config, Origins& origins,
                      Problems& problems);

}  // namespace fleet_sim::config
