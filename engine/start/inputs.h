// Everything a run is made from, read and checked: config, identities, and which of them are this process's.
// `run` and `check` read the same inputs in the same way. Throws InvalidInput with every problem found.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/load_config.h"
#include "identity/load_identities.h"
#include "identity/standing_files.h"
#include "tables/schema.h"
#include "types/catalog.h"

namespace fleet_sim::history {
class History;
}

namespace fleet_sim::start {

// What the command line says.
struct Arguments {
  std::vector<std::string> config_files;  // later ones over earlier ones
  std::vector<config::Setting> flags;
};

struct Inputs {
  config::Config config;
  config::Origins origins;  // of its keys
  identity::LoadedIdentities identities;
  std::optional<identity::StandingFiles> standing;  // where they stand, if the roster is one of a record
  std::shared_ptr<const types::Catalog> types = types::built_in_types();  // of its sensors
  std::vector<std::uint32_t> members;  // roster indices of this process's partition
  std::vector<std::string> warnings;
  std::optional<tables::RunInfo> resumed;  // the run to resume, if any …
  std::shared_ptr<const history::History>
      history;  // … what its fleet was, and is at the end of its shards, as are the …
  bool differs_from_record = false;    // … config and members above: files or flags want something else
  std::optional<Arguments> arguments;  // where the rest came from; none: nothing to reload it from
  Timestamp read_at = 0;               // wall clock, before the first file was opened
  config::Config defaults;  // under the config file: those of the resumed run, or the built-in ones
};

Inputs read_inputs(const Arguments& arguments);

// The files that a config and its identities come from.
std::vector<std::filesystem::path> config_files(const Arguments& arguments);
std::vector<std::filesystem::path> identity_paths(const config::FleetSettings& fleet);

// The config as its files, the environment and the command line say now, in their usual order of precedence.
config::Config reread_config(const Arguments& arguments, const config::Config& defaults);

// The identities as their files hold them now, each file for itself, checked under a running config. Where
// the config leaves out invalid ones, no file may have more of them than before: one that is half written
// must not take its sensors out of the fleet. InvalidInput only for what concerns all of them.
struct IdentityLook {
  identity::LoadedIdentities identities;
  identity::Taken taken;
  std::vector<std::uint32_t> members;  // roster indices of those taken that are of this process's partition
};
IdentityLook reread_identities(const config::Config& config, const types::Catalog& types,
                               const identity::StandingFiles& standing);

// Throws InvalidInput if `sensors` is 0 or more than a process may simulate. `all` counts those of every
// partition.
void check_fleet_size(std::size_t sensors, std::size_t all, const config::Config& config);

// The same for a question about any one sensor, whichever partition it is in: `members` stays empty, and what
// is asked of a process's members has not been checked.
Inputs read_inputs_of_all(const Arguments& arguments);

}  // namespace fleet_sim::start
