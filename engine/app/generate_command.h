// `fleet-sim generate`: writes identity files, either the fifteen sensors of the demo or any number drawn
// from a mix (generate_fleet.h), so that none appears half-written and none that holds something else is
// replaced (write_fleet.h). Runs on the calling thread and oneTBB's workers. Throws InvalidInput for what a
// user has to change and std::runtime_error when the disk or pipe refuses.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "generate/generate_fleet.h"

namespace fleet_sim::app {

struct GenerateOptions {
  bool demo = false;                  // the fifteen demo sensors instead of `count` drawn ones
  std::uint64_t count = 0;            // 1 .. most_identities
  std::string out;                    // a folder, a .jsonl file, or - for standard output
  std::optional<std::uint64_t> seed;  // none: 1
  std::string mix;                    // a file, or types and their weights; empty: the default mix
  std::vector<std::filesystem::path> config_files;  // that declare types; none: any may be named
};

// Writes what the options ask for, says so in one line on standard error, and returns 0.
int generate_command(const GenerateOptions& options);

}  // namespace fleet_sim::app
