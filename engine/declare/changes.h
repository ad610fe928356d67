// What a changed `types` section changes, field by field, and which of it a running fleet can follow. Files
// hold the columns of a type, a counter goes on from what it has counted, and the event of an aging says when
// its sensor fails, so a change of any of these waits for a restart, and with it all of its type. Pure; any
// thread.
#pragma once

#include <string>
#include <vector>

#include "types/declared_type.h"

namespace fleet_sim::declare {

struct TypeChange {
  std::string key;  // types.pump.channels.flow.white
  std::string from;
  std::string to;
  bool at_once = false;  // else after a restart
};

// By type; in a type, channels, sources, agings. What is in only one of them is "none" in the other.
std::vector<TypeChange> type_changes(const types::DeclaredTypes& from, const types::DeclaredTypes& to);

// `running` with every type of `wanted` whose changes all apply at once.
types::DeclaredTypes adopt_types(const types::DeclaredTypes& running, const types::DeclaredTypes& wanted);

}  // namespace fleet_sim::declare
