// Reads identity files into a Roster: one object, an array, or one object per line (.jsonl); a folder means
// every .json and .jsonl file in it, in the order of their names. Files are parsed in parallel and added in
// order, so the roster and the problems found are the same whatever the number of threads. The files are
// untrusted: sizes, nesting, types, ranges and encodings are checked. Runs while starting; whatever is wrong,
// unreadable paths included, is collected in Problems, and memory beside the roster is bounded (parcel.h).
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "base/problems.h"
#include "identity/identity.h"
#include "types/built_in_type.h"

namespace fleet_sim::identity {

inline constexpr std::size_t most_identities = 16'000'000;

struct LoadedIdentities {
  Roster roster;
  std::size_t files = 0;                  // that could be read
  std::size_t invalid = 0;                // identities (or whole files) left out because of a problem
  std::vector<std::string> unknown_keys;  // each named once, sorted; at most 100
};

// `type` is that of all sensors: its channels are those that normal_parameters may name.
LoadedIdentities load_identities(const std::vector<std::filesystem::path>& paths, Problems& problems,
                                 const types::Schema& type = types::built_in_type().schema);

}  // namespace fleet_sim::identity
