// What a declaration of a type may not say although each of its values could be said. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "types/declared_type.h"

namespace fleet_sim::declare {

struct TypeProblem {
  std::vector<std::string> path;  // within the type: {"channels", "flow", "range"}
  std::string text;               // "must contain the base 5"
};

// Of a type that has channels, and no more of them and of sources than there may be.
std::vector<TypeProblem> problems_of(std::string_view name, const types::DeclaredType& type);

// What is wrong with the name of a type, or an empty string. It stands in names of files and tables.
std::string type_name_problem(std::string_view name, const types::DeclaredTypes& others);

}  // namespace fleet_sim::declare
