#include "sql/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <utility>

#include "base/nearest.h"
#include "base/plain_text.h"
#include "base/problems.h"
#include "base/text.h"
#include "sql/quoting.h"

namespace fleet_sim::sql {
namespace {

constexpr std::size_t most_statement_bytes = 1'000'000;
constexpr std::size_t write_at_bytes = 64 * 1024;

constexpr std::string_view how_to_skip = " (--skip-unreadable leaves such files out)";

constexpr std::string_view commands_help =
    ".tables            lists the tables\n"
    ".schema [TABLE]    shows their columns\n"
    ".format NAME       table, csv or json\n"
    ".help              shows this\n"
    ".quit              ends, as does Ctrl-D\n"
    "A statement ends with a semicolon, and can only read. Beside its columns, each table with ids has\n"
    "`shard`, the file that a row is from. EXPLAIN QUERY PLAN shows what is asked of the files.\n";

constexpr std::array<std::string_view, 5> command_words{".format", ".help", ".quit", ".schema", ".tables"};

constexpr std::array<std::string_view, 46> keywords{
    "AND",    "AS",       "ASC",   "AVG",   "BETWEEN", "BY",        "CASE", "CAST",  "COUNT", "CROSS",
    "DESC",   "DISTINCT", "ELSE",  "END",   "EXISTS",  "EXPLAIN",   "FROM", "GLOB",  "GROUP", "HAVING",
    "IN",     "IS",       "JOIN",  "LEFT",  "LIKE",    "LIMIT",     "MAX",  "MIN",   "NOT",   "NULL",
    "OFFSET", "ON",       "OR",    "ORDER", "OVER",    "PARTITION", "PLAN", "QUERY", "ROUND", "SELECT",
    "SUM",    "THEN",     "UNION", "USING", "WHEN",    "WHERE"};

// What only tells, whatever its argument.
constexpr std::array<std::string_view, 14> harmless_pragmas{
    "collation_list", "compile_options", "database_list", "encoding",    "foreign_key_list",
    "function_list",  "index_info",      "index_list",    "module_list", "pragma_list",
    "table_info",     "table_list",      "table_xinfo",   "index_xinfo"};

// SQLite asks before it prepares a statement.
int authorize(void* /*session*/, int action, const char* first, const char* second, const char* /*database*/,
              const char* /*trigger*/) {
  switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_RECURSIVE:
      return SQLITE_OK;
    case SQLITE_UPDATE:  // of the schema in memory, when a function such as json_each is made known
      return std::string_view(first) == "sqlite_master" ? SQLITE_OK : SQLITE_DENY;
    case SQLITE_FUNCTION:
      return sqlite3_stricmp(second, "load_extension") == 0 ? SQLITE_DENY : SQLITE_OK;
    case SQLITE_PRAGMA:
      return std::ranges::find(harmless_pragmas, std::string_view(first)) != harmless_pragmas.end()
                 ? SQLITE_OK
                 : SQLITE_DENY;
    default:
      return SQLITE_DENY;
  }
}

Cell cell_of(sqlite3_stmt* row, int column) {
  switch (sqlite3_column_type(row, column)) {
    case SQLITE_INTEGER:
      return {.type = Cell::Type::integer, .integer = sqlite3_column_int64(row, column)};
    case SQLITE_FLOAT:
      return {.type = Cell::Type::real, .real = sqlite3_column_double(row, column)};
    case SQLITE_NULL:
      return {};
    default: {
      const bool is_text = sqlite3_column_type(row, column) == SQLITE_TEXT;
      const auto* bytes = static_cast<const char*>(sqlite3_column_blob(row, column));
      const auto count = static_cast<std::size_t>(sqlite3_column_bytes(row, column));
      return {.type = is_text ? Cell::Type::text : Cell::Type::blob, .bytes = {bytes, count}};
    }
  }
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(blank);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

// What stands behind the words of a message.
std::optional<std::string> named_in(const std::string& message, std::string_view words) {
  const std::size_t at = message.find(words);
  if (at == message.npos) return std::nullopt;
  return message.substr(at + words.size());
}

// Also for a name that stands for a part of a column's: `firmware` for `firmware_version`.
std::string hint_at_column(std::string_view wanted, const std::vector<std::string_view>& columns) {
  std::string hint = did_you_mean(wanted, columns);
  if (!hint.empty()) return hint;
  std::vector<std::string_view> parts;
  for (const std::string_view column : columns) parts.push_back(column.substr(0, column.find('_')));
  const std::string_view part = nearest_word(wanted, parts);
  const auto found = std::ranges::find(parts, part);
  if (part.empty() || found == parts.end()) return {};
  return fmt::format(" (did you mean '{}'?)", columns[static_cast<std::size_t>(found - parts.begin())]);
}

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

}  // namespace

void Session::Close::operator()(sqlite3* database) const {
  sqlite3_close_v2(database);
}

Session::Session(const SessionOptions& options, Write results, Write notes)
    : options_(options), results_(std::move(results)), notes_(std::move(notes)) {
  format_ = make_format(options_.format, options_.widest);
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(":memory:", &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  database_.reset(opened);
  if (code != SQLITE_OK) throw std::runtime_error("cannot start SQLite");
  // What is sorted goes to a temporary file after 4 MB a thread, with two threads: more does not fit into the
  // cache of a core, and sorts half as fast.
  sqlite3_exec(opened, "PRAGMA cache_size = -4096; PRAGMA threads = 2", nullptr, nullptr, nullptr);
  places_ = std::make_shared<Places>(
      Options{.skip_unreadable = options_.skip_unreadable, .interrupt = &interrupted_});
  if (add_module(opened, places_) != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(opened));
  open_place();
  for (const std::string& problem : place_->take_problems()) notes_(problem + " (skipped)\n");
  sqlite3_db_config(opened, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_set_authorizer(opened, authorize, nullptr);
}

void Session::open_place() {
  try {
    place_ = open_tables(database_.get(), *places_, options_.place);
  } catch (const InvalidInput&) {
    throw;
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(error.what() + std::string(how_to_skip));
  }
}

// The connection lets go of its tables first.
Session::~Session() {
  place_.reset();
  database_.reset();
}

void Session::take_line(std::string_view line) {
  if (trimmed(waiting_).empty() && trimmed(line).starts_with('.')) {
    waiting_.clear();
    return run_command(trimmed(line));
  }
  waiting_ += line;
  waiting_ += '\n';
  if (waiting_.size() > most_statement_bytes) {
    waiting_.clear();
    throw InvalidInput("a statement is longer than 1 MB");
  }
  if (sqlite3_complete(waiting_.c_str()) != 0) finish();
}

void Session::finish() {
  const std::string sql = std::exchange(waiting_, {});
  run(sql);
}

bool Session::is_waiting() const {
  return !trimmed(waiting_).empty();
}

void Session::stop() {
  interrupted_ = true;
  sqlite3_interrupt(database_.get());
}

void Session::run(std::string_view sql) {
  interrupted_ = false;
  while (!trimmed(sql).empty()) {
    sqlite3_stmt* prepared = nullptr;
    const char* rest = nullptr;
    const int code =
        sqlite3_prepare_v2(database_.get(), sql.data(), static_cast<int>(sql.size()), &prepared, &rest);
    const std::unique_ptr<sqlite3_stmt, Finalize> statement(prepared);
    if (code == SQLITE_AUTH || (prepared != nullptr && sqlite3_stmt_readonly(prepared) == 0))
      throw InvalidInput(
          fmt::format("only statements that read are run, and {} is none", in_quotes(trimmed(sql))));
    if (code != SQLITE_OK) fail(sqlite3_errmsg(database_.get()));
    sql.remove_prefix(static_cast<std::size_t>(rest - sql.data()));
    if (prepared != nullptr) run_statement(prepared);
  }
}

void Session::run_statement(sqlite3_stmt* statement) {
  const auto began = std::chrono::steady_clock::now();
  place_->effort() = {};
  std::vector<std::string> columns;
  for (int i = 0; i < sqlite3_column_count(statement); ++i)
    columns.emplace_back(sqlite3_column_name(statement, i));
  std::vector<Cell> cells(columns.size());
  std::string out;
  std::uint64_t rows = 0;
  int code = sqlite3_step(statement);
  // An error of the first row leaves no header behind.
  if (code == SQLITE_ROW || code == SQLITE_DONE) format_->begin(columns, out);
  for (; code == SQLITE_ROW; code = sqlite3_step(statement)) {
    ++rows;
    for (std::size_t i = 0; i < cells.size(); ++i) cells[i] = cell_of(statement, static_cast<int>(i));
    format_->row(cells, out);
    if (out.size() < write_at_bytes) continue;
    results_(out);
    out.clear();
  }
  if (code == SQLITE_DONE) format_->end(out);
  results_(out);
  for (const std::string& problem : place_->take_problems()) notes_(problem + " (skipped)\n");
  if (code != SQLITE_DONE) fail(sqlite3_errmsg(database_.get()));
  if (options_.tell_effort) {
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - began;
    tell_effort(taken.count(), rows);
  }
}

void Session::tell_effort(double seconds, std::uint64_t rows) {
  const Effort& effort = place_->effort();
  std::string text = fmt::format("{} in {}", counted(rows, "row"), duration_text(seconds));
  if (effort.files_read + effort.files_left_out > 0) {
    text += fmt::format(", from {} of {}", counted(effort.rows, "row"), counted(effort.files_read, "file"));
    if (effort.files_left_out > 0) text += fmt::format(" ({} left out)", grouped(effort.files_left_out));
  }
  notes_(text + "\n");
}

// A file that cannot be read is one error; what the statement says is another.
void Session::fail(const std::string& message) {
  const int code = sqlite3_errcode(database_.get());
  if ((code & 0xFF) == SQLITE_INTERRUPT) throw InvalidInput("interrupted");
  if (message.find("cannot be read: ") != message.npos || message.find("cannot be opened: ") != message.npos)
    throw std::runtime_error(message + std::string(how_to_skip));
  throw InvalidInput(message + remedy_for(message));
}

// The nearest name to one that is unknown.
std::string Session::remedy_for(const std::string& message) const {
  std::vector<std::string_view> names;
  if (const auto table = named_in(message, "no such table: ")) {
    for (const Table& one : place_->tables()) names.push_back(one.name);
    const std::string near = did_you_mean(*table, names);
    return near.empty() ? fmt::format(" (there are {})", place_->table_names()) : near;
  }
  if (const auto column = named_in(message, "no such column: ")) {
    for (const Table& table : place_->tables()) {
      for (const Column& one : table.columns) names.push_back(one.name);
    }
    return hint_at_column(std::string_view(*column).substr(column->rfind('.') + 1), names);
  }
  return {};
}

void Session::run_command(std::string_view line) {
  const std::size_t space = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, space);
  const std::string argument(trimmed(line.substr(space)));
  if (word == ".quit" || word == ".exit") {
    has_quit_ = true;
  } else if (word == ".help") {
    results_(commands_help);
  } else if (word == ".tables") {
    for (const Table& table : place_->tables()) results_(printable(table.name) + "\n");
  } else if (word == ".schema") {
    show_schema(argument);
  } else if (word == ".format") {
    format_ = make_format(argument, options_.widest);
  } else {
    throw InvalidInput(fmt::format("no such command: {}{}; .help lists them", printable(word),
                                   did_you_mean(word, command_words)));
  }
}

void Session::show_schema(const std::string& wanted) {
  bool is_there = wanted.empty();
  for (const Table& table : place_->tables()) {
    if (!wanted.empty() && table.name != wanted) continue;
    is_there = true;
    std::string columns;
    for (const Column& column : table.columns)
      columns += fmt::format("{}\n  {} {}", columns.empty() ? "" : ",", printable(column.name), column.type);
    results_(fmt::format("CREATE TABLE {} ({}\n);\n", printable(table.name), columns));
  }
  if (!is_there) fail("no such table: " + wanted);
}

std::vector<std::string> Session::completions(const std::string& begun) {
  std::set<std::string> words;
  const auto add = [&](std::string_view word) {
    if (begun.size() <= word.size() &&
        sqlite3_strnicmp(word.data(), begun.data(), static_cast<int>(begun.size())) == 0)
      words.emplace(word);
  };
  for (const std::string_view word : begun.starts_with('.') ? std::span<const std::string_view>(command_words)
                                                            : std::span<const std::string_view>(keywords))
    add(word);
  if (begun.starts_with('.')) return {words.begin(), words.end()};
  for (const Table& table : place_->tables()) {
    add(table.name);
    for (const Column& column : table.columns) add(column.name);
  }
  return {words.begin(), words.end()};
}

}  // namespace fleet_sim::sql
