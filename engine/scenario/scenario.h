// The `scenario` section of a config: YAML to entries and back. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "scenario/entry.h"
#include "types/declared_type.h"
#include "yaml/file_problems.h"
#include "yaml/tree.h"

namespace fleet_sim::scenario {

// Of all entries together, written out: with the rest of a config they fit into what a config may be.
inline constexpr std::size_t most_scenario_bytes = std::size_t{3} << 17;

// Where an entry stands, by name; for problems that only show later.
struct EntryPlace {
  std::string name;
  std::size_t line = 0;
};

// Adds the entries of the section behind those that there are, which stand in earlier files. Every wrong key
// or value is a problem with its line; an entry that has one is left out. Returns where those added stand.
std::vector<EntryPlace> read_scenario(const yaml::Node& section, Entries& entries,
                                      const yaml::FileProblems& problems);

// One more entry behind those that there are, written as a JSON object. What is wrong with it is a problem of
// `problems`; then there are no more entries than before.
void read_entry(const std::string& json, Entries& entries, const yaml::FileProblems& problems);

// The section with everything that is not as usual; empty without entries. `read_scenario` reads it back to
// the same entries.
std::string scenario_text(const Entries& entries);

// One entry as the section has it: "{name: rollout, at: +2h, …}", and what its verb does: "silence: true".
std::string entry_text(const Entry& entry);
std::string verb_text(const Entry& entry);

// What is wrong with an entry, if anything, when all types are known: a channel that no sensor it can meet
// has, or that cannot be added to. The text begins with the key: "add names 'oil', which …".
std::string problem_of(const Entry& entry, const types::DeclaredTypes& types);

// What is wrong with entries of which each has been read, but with others: there are too many, or one refers
// to another that is gone. Empty, if nothing is.
std::string problem_of(const Entries& entries);

// "scenario.rollout", as messages name it.
std::string path_of(std::string_view entry_name);

}  // namespace fleet_sim::scenario
