// `fleet-sim generate`: writes identity files, either the fifteen sensors of the demo or any number drawn
// from a mix. A generated sensor is a pure function of (mix, seed, its number), so a fleet is the same on
// every machine and a larger one begins with the smaller one. The command runs on the calling thread and
// oneTBB's workers, and owns the files only while it writes them: none appears half-written and none that
// holds something else is replaced. Throws InvalidInput for what a user has to change and std::runtime_error
// when the disk or pipe refuses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/mix.h"
#include "identity/identity.h"

namespace fleet_sim {

struct GenerateOptions {
  bool demo = false;                  // the fifteen demo sensors instead of `count` drawn ones
  std::uint64_t count = 0;            // 1 .. most_identities
  std::string out;                    // a folder, a .jsonl file, or - for standard output
  std::optional<std::uint64_t> seed;  // none: 1
  std::string mix_file;               // empty: the default mix
};

// The sensor with this number, 1 .. count. Numbers are padded to six digits, or to those of `count` if it has
// more.
IdentityRecord generated_identity(const Mix& mix, std::uint64_t seed, std::uint64_t number,
                                  std::uint64_t count);

// The sensors of the demo, in the order in which they are numbered, and the file names they are shipped
// under.
std::vector<IdentityRecord> demo_identities();
std::vector<std::string> demo_file_names();

// Writes what the options ask for, says so in one line on standard error, and returns 0.
int generate_command(const GenerateOptions& options);

}  // namespace fleet_sim
