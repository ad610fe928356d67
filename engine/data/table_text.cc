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

}  // namespace

TableText::TableText(const std::string& file, const std::vector<std::string>& tables)
    : file_(printable(file)) {
  if (const tables::StorageError error = database_.open_to_read(file); !error.ok()) fail(error.message);
  find_tables(tables);
  for (const std::string& one : tables_) {
    for (const std::string& column : columns_of(one)) {
      if (std::ranges::find(columns_, column) == columns_.end()) columns_.push_back(column);
    }
  }
  for (const std::string& column : columns_) {
    append_field(text_, column);
    text_ += &column == &columns_.back() ? '\n' : ',';
  }
}

void TableText::find_tables(const std::vector<std::string>& tables) {
  for (const std::string& table : tables) {
    const tables::StorageError error = database_.query(
        select_tables, [&](const tables::Statement& row) { tables_.emplace_back(row.text(0)); }, table);
    if (!error.ok()) fail(error.message);
  }
  if (!tables_.empty()) return;
  fail(fmt::format("has no table {}; --table names the one to be read", in_quotes(tables.front())));
}

std::vector<std::string> TableText::columns_of(const std::string& table) {
  std::vector<std::string> names;
  const tables::StorageError error = database_.query(
      select_columns, [&](const tables::Statement& row) { names.emplace_back(row.text(0)); }, table);
  if (!error.ok()) fail(error.message);
  return names;
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

bool TableText::open_next() {
  if (next_table_ == tables_.size()) return false;
  const std::string& table = tables_[next_table_++];
  const std::vector<std::string> there = columns_of(table);
  std::string sql = "SELECT ";
  for (const std::string& column : columns_) {
    sql += std::ranges::find(there, column) != there.end() ? doubly_quoted(column) : "NULL";
    sql += &column == &columns_.back() ? " FROM " : ", ";
  }
  if (const tables::StorageError error = database_.prepare(sql + doubly_quoted(table), row_); !error.ok())
    fail(error.message);
  return true;
}

// Whether there was one.
bool TableText::append_row() {
  int code = row_.is_prepared() ? row_.step() : SQLITE_DONE;
  while (code == SQLITE_DONE) {
    row_ = {};  // which would begin again
    if (!open_next()) return false;
    code = row_.step();
  }
  if (code != SQLITE_ROW) fail(database_.error().message);
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (i > 0) text_ += ',';
    const int column = static_cast<int>(i);
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
  throw InvalidInput(fmt::format("{}: {}", file_, what));
}

}  // namespace fleet_sim::data
