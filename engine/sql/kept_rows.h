// The rows of a table for a lookup that a statement repeats, as in a join: reading all files for each would
// take forever, so at the third time they are copied, as far as the lookup needs them, into a temporary file
// with an index. It is what SQLite does by itself for tables of its own. Owned by the place, and removed when
// its statements have ended. Throws std::runtime_error, for want of space, and what a Scan throws.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "sql/plan.h"
#include "tables/database.h"

namespace fleet_sim::sql {

inline constexpr std::string_view kept_table = "kept";

// The column there that a column of the table has; the rowid is the row's number.
std::string kept_column(std::size_t column);

struct KeptRows {
  int lookups = 0;            // that have been
  tables::Database database;  // open from the third one on
  // The statement of the last lookup that has ended, for the next one.
  std::string sql;
  tables::Statement statement;

  // Counts a lookup; whether the rows are there for it, because it is one of many.
  bool look_up(Place& place, const Table& table, const Plan& plan);

 private:
  void keep(Place& place, const Table& table, const Plan& plan);
};

}  // namespace fleet_sim::sql
