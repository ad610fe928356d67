#include "postgresql/table_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "base/plain_text.h"
#include "base/problems.h"
#include "postgresql/schema_tables.h"

namespace fleet_sim::postgresql {
namespace {

// How values are printed, whatever the role or the database usually does. Servers that only speak the
// protocol may not know all of these.
constexpr std::array printing_settings{"SET DateStyle = ISO", "SET TimeZone = 'UTC'",
                                       "SET extra_float_digits = 1"};

// The rows of a partition are those of its table as well.
constexpr const char* select_tables = R"sql(
SELECT t.table_name::text FROM information_schema.tables AS t WHERE t.table_schema = $1 AND CASE WHEN $2 = '' THEN
  (t.table_name = 'sensor_readings' OR starts_with(t.table_name, 'sensor_readings_'))
  AND NOT EXISTS (SELECT 1 FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
    JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_class AS p ON p.oid = i.inhparent
    WHERE n.nspname = t.table_schema AND c.relname = t.table_name AND p.relnamespace = c.relnamespace
      AND (p.relname = 'sensor_readings' OR starts_with(p.relname, 'sensor_readings_')))
  ELSE t.table_name = $2 END ORDER BY 1)sql";
constexpr const char* select_columns =
    "SELECT column_name::text FROM information_schema.columns WHERE table_schema = $1 AND table_name = $2 "
    "ORDER "
    "BY ordinal_position";
constexpr std::string_view run_column = "run";

}  // namespace

TableText::TableText(const Address& address, const std::string& table,
                     const std::vector<std::string>& run_ids)
    : address_(address) {
  check(connection_.open(address_));
  for (const char* setting : printing_settings) {
    const SqlError error = connection_.execute(setting);
    if (!error.ok() && error.state.empty()) fail(error.message);
  }
  find_tables(table);
  find_runs(run_ids);
  for (const std::string& one : tables_) {
    for (const std::string& column : columns_of(one)) {
      if (std::ranges::find(columns_, column) == columns_.end()) columns_.push_back(column);
    }
  }
}

void TableText::find_tables(const std::string& table) {
  check(connection_.run(select_tables, Parameters().text(address_.schema).text(table),
                        [&](const AnswerRow& row) { tables_.emplace_back(row.text(0)); }));
  if (!tables_.empty()) return;
  fail(table.empty() ? "has no table sensor_readings; name yours with --table"
                     : fmt::format("has no table {}", in_quotes(table)));
}

void TableText::find_runs(const std::vector<std::string>& run_ids) {
  const std::vector<std::string> columns = columns_of("run_info");
  for (const std::string_view column : {run_column, std::string_view("run_id")}) {
    if (std::ranges::find(columns, column) == columns.end()) return;
  }
  const std::string sql =
      fmt::format("SELECT run::bigint FROM {} WHERE run_id = $1", qualified(address_.schema, "run_info"));
  std::vector<std::int64_t> numbers;
  for (const std::string& run_id : run_ids) {
    check(connection_.run(sql, Parameters().text(run_id),
                          [&](const AnswerRow& row) { numbers.push_back(row.integer(0)); }));
  }
  if (numbers.size() == run_ids.size()) runs_ = fmt::format("{}", fmt::join(numbers, ", "));
}

std::string TableText::condition_on(const std::vector<std::string>& columns) const {
  const bool is_marked = std::ranges::find(columns, run_column) != columns.end();
  return is_marked && !runs_.empty() ? fmt::format(" WHERE {} IN ({})", run_column, runs_) : std::string();
}

std::vector<std::string> TableText::columns_of(const std::string& table) {
  std::vector<std::string> names;
  check(connection_.run(select_columns, Parameters().text(address_.schema).text(table),
                        [&](const AnswerRow& row) { names.emplace_back(row.text(0)); }));
  return names;
}

std::size_t TableText::read(char* into, std::size_t most) {
  while (taken_ == piece_.size()) {
    if (!next_piece()) return 0;
  }
  const std::size_t count = std::min(most, piece_.size() - taken_);
  std::memcpy(into, piece_.data() + taken_, count);
  taken_ += count;
  return count;
}

// False after the last one of the last table.
bool TableText::next_piece() {
  taken_ = 0;
  piece_.clear();
  if (!is_copying_) {
    if (next_table_ == tables_.size()) return false;
    const std::vector<std::string> there = columns_of(tables_[next_table_]);
    std::string columns;
    for (const std::string& column : columns_) {
      const bool is_there = std::ranges::find(there, column) != there.end();
      columns += fmt::format("{}{} AS {}", columns.empty() ? "" : ", ",
                             is_there ? quoted_name(column) : "NULL::text", quoted_name(column));
    }
    check(connection_.begin_copy_out(fmt::format("COPY (SELECT {} FROM {}{}) TO STDOUT (FORMAT csv{})",
                                                 columns, qualified(address_.schema, tables_[next_table_]),
                                                 condition_on(there), next_table_ == 0 ? ", HEADER" : "")));
    ++next_table_;
    is_copying_ = true;
  }
  check(connection_.read_copy(piece_));
  is_copying_ = !piece_.empty();
  return true;
}

void TableText::check(const SqlError& error) const {
  if (!error.ok()) fail(error.message);
}

void TableText::fail(const std::string& what) const {
  throw InvalidInput(fmt::format("{}: {}", address_.text, what));
}

}  // namespace fleet_sim::postgresql
