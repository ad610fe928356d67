// The `types` section of a config: YAML to declared types and back. A type in a file takes the place of one
// that has its name already, whole. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>

#include "types/declared_type.h"
#include "types/sensor_type.h"
#include "yaml/file_problems.h"
#include "yaml/tree.h"

namespace fleet_sim::declare {

// Of all types together, written out: with the rest of a config they fit into what a config may be.
inline constexpr std::size_t most_types_bytes = std::size_t{1} << 19;

// Every wrong name or value is a problem with its line; a type that has one is left out of `types`.
void read_types(const yaml::Node& section, types::DeclaredTypes& types, const yaml::FileProblems& problems);

// The section with everything that is not as usual, indented for the top level of a config file; empty
// without types. `read_types` reads it back to the same types.
std::string types_text(const types::DeclaredTypes& types);

// One source, channel or aging of a type as the section has it: "{kind: load, duty: 0.6}".
std::string source_text(const types::DeclaredType& type, std::size_t source);
std::string channel_text(const types::DeclaredType& type, std::size_t channel);
std::string aging_text(const types::DeclaredType& type, std::size_t aging);

// The built-in type, with these parameters, as near as a declaration comes to it: without its daily cycle and
// what happens in work hours.
types::DeclaredType built_in_declaration(const types::NormalParameters& parameters);

}  // namespace fleet_sim::declare
