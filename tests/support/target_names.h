// What the targets of a plan are called.
#pragma once

#include <string>
#include <vector>

#include "write/places.h"

namespace fleet_sim::test {

inline std::vector<std::string> names_of(const std::vector<write::Target>& targets) {
  std::vector<std::string> names;
  for (const write::Target& target : targets) names.push_back(target.name);
  return names;
}

}  // namespace fleet_sim::test
