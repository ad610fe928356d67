// Identity values that match no behavior, and behaviors, other than the built-in ones, that match no sensor.
// Neither is an error, but a misspelled name causes both. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "identity/identity.h"

namespace fleet_sim::preview {

struct Unmatched {
  std::string kind;         // firmware, model, manufacturer or location
  std::string value;        // of identities, or the name of a behavior
  std::size_t sensors = 0;  // that have the value; 0 for a behavior
  std::string nearest;      // on the other side; empty when nothing is near
};

// In the order of the kinds; values by the number of their sensors, then behaviors, by name.
std::vector<Unmatched> find_unmatched(const config::Behaviors& behaviors, const identity::Roster& roster,
                                      std::span<const std::uint32_t> members);

// The nearest behavior of a kind, firmware, model, manufacturer or location, to a value that matches none;
// empty when none is near. Nothing for a value that matches one.
std::optional<std::string> nearest_behavior(const config::Behaviors& behaviors, std::string_view kind,
                                            std::string_view value);

// "firmware 'v1.3' of 3 sensors matches no behavior (did you mean '1.3'?)"
std::string text_of(const Unmatched& unmatched);

}  // namespace fleet_sim::preview
