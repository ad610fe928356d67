// What a file, or a slice of one, was found to hold: identities, and what is wrong with the rest, both in
// file order. A plain value that one thread fills and another takes into the roster. Bounded, except for the
// identities: only the first mistakes keep their text, the rest are counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/problems.h"
#include "identity/identity.h"

namespace fleet_sim::identity {

struct FoundIdentity {
  IdentityRecord record;
  std::uint32_t line = 0;  // of its opening brace, from 1
};

struct IdentityMistake {
  std::uint32_t line = 0;
  std::size_t found_before = 0;  // how many identities precede it, which keeps both lists in file order
  std::string text;
};

struct IdentityFindings {
  static constexpr std::size_t most_mistakes = Problems::shown_at_most;
  static constexpr std::size_t most_unknown_keys = 100;

  std::vector<FoundIdentity> identities;
  std::vector<IdentityMistake> mistakes;  // the first `most_mistakes`
  std::size_t further_mistakes = 0;       // how many more there were
  std::size_t invalid = 0;                // identities left out; a text that cannot be read on counts as one
  std::set<std::string, std::less<>> unknown_keys;  // dotted, like "normal_parameters.pressure"

  void add_mistake(std::uint32_t line, std::string text);
  void add_unknown_key(std::string_view name);
};

}  // namespace fleet_sim::identity
