// Which names SQL takes without quotes, and which words it keeps for itself: those that may not be the name
// of a column in SQLite or PostgreSQL, SQLite's names for a row's number, and the columns that every table of
// PostgreSQL has. Pure; any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace fleet_sim::types {

// Whether it has only letters, digits and underscores, of ASCII, and does not begin with a digit.
bool is_sql_name(std::string_view name, std::size_t longest);

bool is_sql_word(std::string_view name);  // in any case

}  // namespace fleet_sim::types
