// The `types` section of a config: YAML to declared types and back. A type in a file takes the place of one
// that has its name already, whole. Pure; any thread.
#pragma once

#include <string>

#include "types/declared_type.h"
#include "yaml/file_problems.h"
#include "yaml/tree.h"

namespace fleet_sim::declare {

// Every wrong name or value is a problem with its line; a type that has one is left out of `types`.
void read_types(const yaml::Node& section, types::DeclaredTypes& types, const yaml::FileProblems& problems);

// The section with everything that is not as usual, indented for the top level of a config file; empty
// without types. `read_types` reads it back to the same types.
std::string types_text(const types::DeclaredTypes& types);

}  // namespace fleet_sim::declare
