// Reads identity files into a Roster: one object, an array, or one object per line (.jsonl); a folder means
// every .json and .jsonl file below it, in the order of their names. Files are parsed in parallel and added
// in order, so the roster and the problems found are the same whatever the number of threads. The files are
// untrusted: sizes, nesting, types, ranges and encodings are checked. Runs while starting; whatever is wrong,
// unreadable paths included, is collected in Problems, and memory apart from the roster is bounded
// (parcel.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/problems.h"
#include "identity/identity.h"
#include "identity/identity_files.h"
#include "types/catalog.h"

namespace fleet_sim::identity {

inline constexpr std::size_t most_identities = 16'000'000;

// What became of one file. Its identities lie side by side in the roster.
struct LoadedFile {
  std::string path = {};
  std::uint32_t first = 0;
  std::uint32_t identities = 0;
  std::uint32_t invalid = 0;  // identities (or the whole file) left out because of a problem
  bool readable = true;
  std::string problem = {};  // the first, with its place; of the first files that have one
};

// An id that several identities have.
struct RepeatedId {
  std::uint32_t index = 0;  // in the roster
  std::uint32_t first = 0;  // the first identity that has it
};

struct LoadedIdentities {
  Roster roster;
  std::size_t files = 0;                  // that could be read
  std::size_t invalid = 0;                // identities (or whole files) left out because of a problem
  std::vector<std::string> unknown_keys;  // each named once, sorted; at most 100
  bool full = false;                      // there are more than most_identities: not all files were read
  std::vector<LoadedFile> sources;        // in the order that numbers their identities
  std::vector<UnreadFolder> unread;
  PassedOver passed_over;
  std::vector<std::uint32_t> lines;  // of each identity; only where repeated ids are kept
  std::vector<RepeatedId> repeated;  // in the order of the roster
};

// What happens to an identity whose id is already used in another file: it is left out as a problem, or it is
// added to the roster too, and the caller decides which file keeps the id.
enum class RepeatedIds { refused, kept };

// `types` are those that an identity may be of; their channels are those that normal_parameters may name.
LoadedIdentities load_identities(const std::vector<std::filesystem::path>& paths, Problems& problems,
                                 const types::Catalog& types = *types::built_in_types(),
                                 RepeatedIds repeated = RepeatedIds::refused);

}  // namespace fleet_sim::identity
