// What a query asks of a table, as SQLite's planner and the virtual table agree on it: which columns, which
// conditions, which order. Its text is what EXPLAIN QUERY PLAN shows:
//
//   sensor_id, timestamp; location = ?, synced = ?; ORDER BY timestamp
//
// Values; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sql/place.h"

namespace fleet_sim::sql {

// NULL, or of one of SQLite's other types; of bytes there is nothing to compare with.
using Value = std::variant<std::monostate, std::int64_t, double, std::string>;

struct Term {
  std::size_t column = 0;  // of Table::columns; their number stands for Table::file_column
  std::string comparison;  // "= ?", "IN ?", "IS NULL", … in SQL
};

struct Order {
  std::size_t column = 0;
  bool descending = false;
};

struct Plan {
  std::vector<std::size_t> columns;  // ascending
  std::vector<Term> terms;           // each with a value, in this order
  std::optional<Order> order;        // in which rows come, of all files together
};

std::string text_of(const Plan& plan, const Table& table);

// Reads what text_of has written.
Plan read_plan(std::string_view text, const Table& table);

// Whether the column can appear in a plan's conditions: a name without the characters that it is made of.
bool is_plain(const Table& table, std::size_t column);

}  // namespace fleet_sim::sql
