#include "postgresql/table_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
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

constexpr const char* select_tables =
    "SELECT table_name::text FROM information_schema.tables WHERE table_schema = $1 AND table_name = $2";
constexpr const char* select_columns =
    "SELECT column_name::text FROM information_schema.columns WHERE table_schema = $1 AND table_name = $2 "
    "ORDER "
    "BY ordinal_position";
constexpr const char* select_run_column =
    "SELECT 1 FROM information_schema.columns WHERE table_schema = $1 AND table_name = $2 AND column_name = "
    "'run' "
    "AND data_type IN ('smallint', 'integer', 'bigint')";

}  // namespace

TableText::TableText(const Address& address, const std::vector<std::string>& tables,
                     const std::vector<std::string>& runs)
    : address_(address) {
  check(connection_.open(address_));
  for (const char* setting : printing_settings) {
    const SqlError error = connection_.execute(setting);
    if (!error.ok() && error.state.empty()) fail(error.message);
  }
  find_tables(tables);
  for (const std::string& one : tables_) {
    for (const std::string& column : columns_of(one)) {
      if (std::ranges::find(columns_, column) == columns_.end()) columns_.push_back(column);
    }
  }
  find_runs(runs);
}

void TableText::find_tables(const std::vector<std::string>& tables) {
  for (const std::string& table : tables) {
    check(connection_.run(select_tables, Parameters().text(address_.schema).text(table),
                          [&](const AnswerRow& row) { tables_.emplace_back(row.text(0)); }));
  }
  if (!tables_.empty()) return;
  fail(fmt::format("has no table {}; --table names the one to be read", in_quotes(tables.front())));
}

// By the sink's table of runs, where there is one.
void TableText::find_runs(const std::vector<std::string>& runs) {
  const std::vector<std::string> of_runs = columns_of("run_info");
  if (!has_run("run_info") || std::ranges::find(of_runs, "run_id") == of_runs.end()) return;
  const std::string sql =
      fmt::format("SELECT run FROM {} WHERE run_id = $1", qualified(address_.schema, "run_info"));
  for (const std::string& run : runs) {
    check(connection_.run(sql, Parameters().text(run), [&](const AnswerRow& row) {
      runs_ += fmt::format("{}{}", runs_.empty() ? "" : ", ", row.integer(0));
    }));
  }
  if (runs_.empty()) fail(fmt::format("has other runs, but not {}", in_quotes(runs.front())));
}

// Whether its rows are marked with the number of their run, as the sink marks them.
bool TableText::has_run(const std::string& table) {
  bool has = false;
  check(connection_.run(select_run_column, Parameters().text(address_.schema).text(table),
                        [&](const AnswerRow&) { has = true; }));
  return has;
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
    const bool is_marked = !runs_.empty() && has_run(tables_[next_table_]);
    check(connection_.begin_copy_out(fmt::format("COPY (SELECT {} FROM {}{}) TO STDOUT (FORMAT csv{})",
                                                 columns, qualified(address_.schema, tables_[next_table_]),
                                                 is_marked ? fmt::format(" WHERE run IN ({})", runs_) : "",
                                                 next_table_ == 0 ? ", HEADER" : "")));
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
