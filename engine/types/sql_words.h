// Words that SQL keeps for itself: what may not be the name of a column without quotes in SQLite or
// PostgreSQL, and SQLite's names for a row's number. Pure; any thread.
#pragma once

#include <string_view>

namespace fleet_sim::types {

bool is_sql_word(std::string_view name);  // in any case

}  // namespace fleet_sim::types
