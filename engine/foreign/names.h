// What other simulators and benchmarks call a setting of ours: their config keys, environment variables and
// options, with the value as we would write it where units differ, or what to do if we have no equivalent.
// One table, read by the error messages, the warnings of a start, and `convert`. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fleet_sim::foreign {

struct Equivalent {
  std::string ours;            // a config key; empty: there is none
  std::string value;           // of ours; empty where theirs cannot be converted
  bool same_value = true;      // theirs can be taken over as it is
  std::string_view note = {};  // what else to know, or what to do instead
};

// Nothing for a key or variable that is not in the table. The value is a scalar as written, or empty.
std::optional<Equivalent> equivalent_of_key(std::string_view path, std::string_view value);
std::optional<Equivalent> equivalent_of_variable(std::string_view name, std::string_view value);

// What to use instead of an option; empty when it is not in the table.
std::string_view equivalent_of_option(std::string_view option);

// Whether the keys in a section of theirs are in the table one by one.
bool knows_keys_in(std::string_view section);

// " (called 'X' here, with the value 5)", for a message about their name; `ours` is our key as the message
// should name it.
std::string hint(const Equivalent& equivalent, std::string_view ours);

}  // namespace fleet_sim::foreign
