// A type of sensor as a user declares it: what its channels are called and what they are made of. Data only,
// made when a config is loaded; any thread.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "types/schema.h"
#include "types/signal_declaration.h"

namespace fleet_sim::types {

inline constexpr std::size_t most_types = 64;

struct DeclaredType {
  std::vector<ChannelColumn> columns;  // one for each channel of `signal`, in the same order
  SignalDeclaration signal;

  bool operator==(const DeclaredType&) const = default;
};

using DeclaredTypes = std::map<std::string, DeclaredType, std::less<>>;  // by name

}  // namespace fleet_sim::types
