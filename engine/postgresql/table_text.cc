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

[[noreturn]] void fail_at(const Address& address, const std::string& what) {
  throw InvalidInput(fmt::format("{}: {}", address.text, what));
}

}  // namespace

std::vector<std::string> tables_there(const Address& address, const std::vector<std::string>& tables) {
  Connection connection;
  if (const SqlError error = connection.open(address); !error.ok()) fail_at(address, error.message);
  std::vector<std::string> there;
  for (const std::string& table : tables) {
    const SqlError error = connection.run(select_tables, Parameters().text(address.schema).text(table),
                                          [&](const AnswerRow& row) { there.emplace_back(row.text(0)); });
    if (!error.ok()) fail_at(address, error.message);
  }
  if (there.empty())
    fail_at(address,
            fmt::format("has no table {}; --table names the one to be read", in_quotes(tables.front())));
  return there;
}

TableText::TableText(const Address& address, const std::string& table, const std::vector<std::string>& runs)
    : address_(address) {
  check(connection_.open(address_));
  for (const char* setting : printing_settings) {
    const SqlError error = connection_.execute(setting);
    if (!error.ok() && error.state.empty()) fail(error.message);
  }
  find_runs(runs);
  std::string columns;
  for (const std::string& column : columns_of(table))
    columns += (columns.empty() ? "" : ", ") + quoted_name(column);
  const bool is_marked = !runs_.empty() && has_run(table);
  check(connection_.begin_copy_out(fmt::format("COPY (SELECT {} FROM {}{}) TO STDOUT (FORMAT csv, HEADER)",
                                               columns, qualified(address_.schema, table),
                                               is_marked ? fmt::format(" WHERE run IN ({})", runs_) : "")));
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
  while (taken_ == piece_.size() && !at_end_) {
    taken_ = 0;
    piece_.clear();
    check(connection_.read_copy(piece_));
    at_end_ = piece_.empty();
  }
  const std::size_t count = std::min(most, piece_.size() - taken_);
  std::memcpy(into, piece_.data() + taken_, count);
  taken_ += count;
  return count;
}

void TableText::check(const SqlError& error) const {
  if (!error.ok()) fail(error.message);
}

void TableText::fail(const std::string& what) const {
  fail_at(address_, what);
}

}  // namespace fleet_sim::postgresql
