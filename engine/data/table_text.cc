#include "data/table_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <string_view>

#include "base/plain_text.h"
#include "base/problems.h"

namespace fleet_sim::data {
namespace {

constexpr std::string_view select_tables =
    "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name = ?1";
constexpr std::string_view select_columns = "SELECT name FROM pragma_table_info(?1)";

std::string doubly_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) out.append(c == '"' ? 2 : 1, c);
  return out + '"';
}

void append_field(std::string& text, std::string_view field) {
  text += field.find_first_of("\",\r\n") == field.npos ? std::string(field) : doubly_quoted(field);
}

[[noreturn]] void fail_in(const std::string& file, const std::string& what) {
  throw InvalidInput(fmt::format("{}: {}", printable(file), what));
}

void open_file(tables::Database& database, const std::string& file) {
  if (const tables::StorageError error = database.open_to_read(file); !error.ok())
    fail_in(file, error.message);
}

}  // namespace

std::vector<std::string> tables_there(const std::string& file, const std::vector<std::string>& tables) {
  tables::Database database;
  open_file(database, file);
  std::vector<std::string> there;
  for (const std::string& table : tables) {
    const tables::StorageError error = database.query(
        select_tables, [&](const tables::Statement& row) { there.emplace_back(row.text(0)); }, table);
    if (!error.ok()) fail_in(file, error.message);
  }
  if (there.empty())
    fail_in(file,
            fmt::format("has no table {}; --table names the one to be read", in_quotes(tables.front())));
  return there;
}

TableText::TableText(const std::string& file, const std::string& table) : file_(file) {
  open_file(database_, file_);
  std::string columns;
  const tables::StorageError error = database_.query(
      select_columns,
      [&](const tables::Statement& row) {
        if (columns_++ > 0) text_ += ',';
        append_field(text_, row.text(0));
        columns += (columns.empty() ? "" : ", ") + doubly_quoted(row.text(0));
      },
      table);
  if (!error.ok()) fail(error.message);
  text_ += '\n';
  const std::string sql = fmt::format("SELECT {} FROM {}", columns, doubly_quoted(table));
  if (const tables::StorageError problem = database_.prepare(sql, row_); !problem.ok()) fail(problem.message);
}

std::size_t TableText::read(char* into, std::size_t most) {
  if (taken_ == text_.size()) {
    text_.clear();
    taken_ = 0;
  }
  while (text_.size() < most && append_row()) {
  }
  const std::size_t count = std::min(most, text_.size() - taken_);
  std::memcpy(into, text_.data() + taken_, count);
  taken_ += count;
  return count;
}

// Whether there was one.
bool TableText::append_row() {
  if (at_end_) return false;  // a further step would begin again
  const int code = row_.step();
  at_end_ = code == SQLITE_DONE;
  if (at_end_) return false;
  if (code != SQLITE_ROW) fail(database_.error().message);
  for (int column = 0; column < columns_; ++column) {
    if (column > 0) text_ += ',';
    switch (row_.type(column)) {
      case SQLITE_INTEGER:
        fmt::format_to(std::back_inserter(text_), "{}", row_.integer(column));
        break;
      case SQLITE_FLOAT:
        fmt::format_to(std::back_inserter(text_), "{}", row_.real(column));
        break;
      default:
        append_field(text_, row_.text(column));
    }
  }
  text_ += '\n';
  return true;
}

void TableText::fail(const std::string& what) const {
  fail_in(file_, what);
}

}  // namespace fleet_sim::data
