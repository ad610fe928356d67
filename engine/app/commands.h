// The commands that need no file of their own. Each runs on the main thread and returns the process's exit
// code; each throws InvalidInput, NoStorage or std::runtime_error for what a user has to mend.
#pragma once

#include <string>

#include "app/inputs.h"
#include "app/simulator.h"

namespace fleet_sim {

// Simulates the fleet.
int run_command(const Arguments& arguments);

// Validates config and identities, prints what was found, runs nothing.
int check_command(const Arguments& arguments);

// Prints the digest of a data directory, as text or as JSON.
int digest_command(const std::string& directory, bool json);

}  // namespace fleet_sim
