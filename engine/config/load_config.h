// Puts a Config together: defaults, then YAML files merged over them one after the other, then the
// environment, then flags. Files are untrusted: their size, nesting, number of nodes, keys, types and ranges
// are checked, and every problem is collected with its line instead of stopping at the first. Runs while
// starting and reloading, on any one thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/problems.h"
#include "config/config.h"
#include "config/config_file.h"

namespace fleet_sim::config {

// With the bounds of YAML (yaml/tree.h), this limits what a config file can cost.
inline constexpr std::uintmax_t largest_config_file_bytes = 1 << 20;

// One value from outside the file: `source` names it for the user ("--rate", "FLEET_SIM_DATABASE_PATH").
struct Setting {
  std::string key;
  std::string value;
  std::string source;
};

// Reads the files in their order, then `environment`, then `flags`, each a layer over what came before: it
// keeps what it does not name, and its value of a key, a list too, replaces the earlier one; but files that
// have a scenario add to it, together instead of that of the defaults. Then checks what
// depends on several keys (min <= max, paths that contradict each other). A setting whose key repeats adds to
// the list of its layer; a layer that names identities, one or many, replaces both kinds of an earlier one.
// If there are problems, do not use the result. `origins` gets the places where the keys were set.
Config load_config(std::span<const std::filesystem::path> files, std::span<const Setting> environment,
                   std::span<const Setting> flags, Problems& problems, Config defaults = {},
                   Origins* origins = nullptr);

// Reads a config from its text, over the defaults. `place` names it in problems.
Config read_config(std::string_view text, const std::string& place, Problems& problems);

// The FLEET_SIM_* variables as settings; an empty one counts as not set, ':' separates a list. An unknown one
// is a problem with the nearest known name, except those that Kubernetes sets for a service that happens to
// be called fleet-sim (FLEET_SIM_SERVICE_*, FLEET_SIM_PORT*).
std::vector<Setting> environment_settings(const char* const* environment, Problems& problems);

// The whole effective config as YAML under the file's keys, behaviors, declared types and scenario included:
// what run_info keeps. Reading it back gives an equal config, but for what is secret.
std::string config_text(const Config& config);

// Only these keys, secret ones too, each with a comment of one line unless that is empty; the behaviors
// unless they are the built-in ones; the declared types; and the scenario.
using Comments = std::map<std::string_view, std::string>;
std::string commented_config_text(const Config& config, const Comments& comments);

// The part of it that decides what sensors read: equal texts, seeds, starts and identities give equal
// readings.
std::string readings_config_text(const Config& config);

}  // namespace fleet_sim::config
