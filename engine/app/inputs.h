// Everything a run is made from, read and checked: config, identities, and which of them are this process's.
// `run` and `check` read the same inputs in the same way. Throws InvalidInput with every problem found.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/load_config.h"
#include "identity/load_identities.h"
#include "storage/schema.h"

namespace fleet_sim {

// What the command line says.
struct Arguments {
  std::optional<std::string> config_file;
  std::vector<Setting> flags;
};

struct Inputs {
  Config config;
  LoadedIdentities identities;
  std::vector<std::uint32_t> members;  // roster indices of this process's partition
  std::vector<std::string> warnings;
  std::optional<RunInfo> resumed;  // the run to go on with, instead of beginning one
};

Inputs read_inputs(const Arguments& arguments);

// The same for a question about any one sensor, whichever partition it is in: `members` stays empty, and what
// is asked of a process's members has not been checked.
Inputs read_inputs_of_all(const Arguments& arguments);

}  // namespace fleet_sim
