#include "sql/kept_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <vector>

#include "sql/scan.h"

namespace fleet_sim::sql {
namespace {

constexpr int lookups_without = 2;

void demand(const tables::StorageError& error) {
  if (!error.ok()) throw std::runtime_error("temporary file: " + error.message);
}

// The columns of the index: those with one value, then the first with a span.
std::vector<std::size_t> looked_up_by(const Plan& plan) {
  std::vector<std::size_t> columns;
  const auto add = [&](const Term& term) {
    if (std::ranges::find(columns, term.column) == columns.end()) columns.push_back(term.column);
  };
  for (const Term& term : plan.terms) {
    if (term.comparison == "= ?" || term.comparison == "IS ?") add(term);
  }
  const auto span = std::ranges::find_if(plan.terms, [](const Term& term) {
    return term.comparison.starts_with('<') || term.comparison.starts_with('>');
  });
  if (span != plan.terms.end()) add(*span);
  return columns;
}

void copy_value(const tables::Statement& row, int position, tables::Statement& insert, int parameter) {
  switch (row.type(position)) {
    case SQLITE_INTEGER:
      return insert.bind(parameter, row.integer(position));
    case SQLITE_FLOAT:
      return insert.bind(parameter, row.real(position));
    case SQLITE_NULL:
      return insert.bind_null(parameter);
    default:
      return insert.bind(parameter, row.text(position));
  }
}

}  // namespace

std::string kept_column(std::size_t column) {
  return fmt::format("c{}", column);
}

bool KeptRows::look_up(Place& place, const Table& table, const Plan& plan) {
  if (++lookups <= lookups_without || looked_up_by(plan).empty()) return false;
  if (!database.is_open()) keep(place, table, plan);
  return true;
}

void KeptRows::keep(Place& place, const Table& table, const Plan& plan) {
  std::set<std::size_t> wanted(plan.columns.begin(), plan.columns.end());
  for (const Term& term : plan.terms) wanted.insert(term.column);
  tables::Database made;
  demand(made.open({}));
  std::string columns;
  std::string values;
  std::string indexed;
  for (const std::size_t column : wanted) {
    const bool is_file = column == table.columns.size();
    columns += fmt::format(", {} {}", kept_column(column), is_file ? "TEXT" : table.columns[column].type);
    values += ", ?";
  }
  for (const std::size_t column : looked_up_by(plan))
    indexed += (indexed.empty() ? "" : ", ") + kept_column(column);
  demand(made.execute(
      fmt::format("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536; "
                  "CREATE TABLE {} (number INTEGER PRIMARY KEY{}); BEGIN",
                  kept_table, columns)
          .c_str()));
  tables::Statement insert;
  demand(made.prepare(fmt::format("INSERT OR REPLACE INTO {} VALUES (?{})", kept_table, values), insert));
  Scan scan(place, table, {.columns = {wanted.begin(), wanted.end()}, .conditions = {}});
  while (scan.next()) {
    int parameter = 1;
    insert.bind(parameter, scan.number());
    for (const std::size_t column : wanted)
      copy_value(scan.row(), scan.position_of(column), insert, ++parameter);
    demand(made.error_of(insert.run()));
  }
  insert = {};
  demand(
      made.execute(fmt::format("COMMIT; CREATE INDEX kept_index ON {} ({})", kept_table, indexed).c_str()));
  if (place.interrupt() != nullptr) made.interrupt_when(*place.interrupt());
  database = std::move(made);
}

}  // namespace fleet_sim::sql
