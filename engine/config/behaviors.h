// The `behaviors` section: YAML to Behaviors and back. An entry in a file changes only the effects it names,
// so a file is merged over whatever `behaviors` holds already. Pure; any thread.
#pragma once

#include <string>

#include "config/config.h"
#include "yaml/file_problems.h"
#include "yaml/tree.h"

namespace fleet_sim::config {

// `types` are those whose channels and sources may be named, beside the built-in one. Every wrong name or
// value is a problem with its line; `behaviors` is then partly changed and not to be used.
void read_behaviors(const yaml::Node& section, const types::DeclaredTypes& types, Behaviors& behaviors,
                    const yaml::FileProblems& problems);

// What keeps behaviors that were read earlier from acting on this type; empty when nothing does. The text
// begins with the place in the type.
std::string shift_problem(const Behaviors& behaviors, const types::DeclaredType& type);

// The section with every effect of every entry, indented for the top level of a config file.
std::string behaviors_text(const Behaviors& behaviors);

}  // namespace fleet_sim::config
