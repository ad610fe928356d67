#include "sql/module.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "base/problems.h"
#include "sql/kept_rows.h"
#include "sql/plan.h"
#include "sql/quoting.h"
#include "sql/scan.h"
#include "types/built_in_type.h"

namespace fleet_sim::sql {
namespace {

constexpr const char* module_name = "fleet";
constexpr std::size_t most_in_list = 1'000;  // values of IN that a file gets to see
constexpr std::size_t most_merged = 64;      // files open at a time, with up to 3 descriptors each

// A table of a place, or the function `fleet`, whose place is an argument.
struct FleetTable : sqlite3_vtab {
  FleetTable() : sqlite3_vtab{} {}

  sqlite3* database = nullptr;
  Places* places = nullptr;
  std::shared_ptr<Place> place;  // of a function: the last one
  Table table;
  bool is_function = false;
  bool has_file_column = true;

  // Declared are the table's own columns, then the function's argument, then the file.
  [[nodiscard]] int own_columns() const { return static_cast<int>(table.columns.size()); }
  [[nodiscard]] bool is_path(int declared) const { return is_function && declared == own_columns(); }
  [[nodiscard]] int declared_columns() const {
    return own_columns() + (is_function ? 1 : 0) + (has_file_column ? 1 : 0);
  }
  // As a plan counts; not of the argument.
  [[nodiscard]] std::size_t column_of(int declared) const {
    return static_cast<std::size_t>(std::min(declared, own_columns()));
  }
};

struct FleetCursor : sqlite3_vtab_cursor {
  FleetCursor() : sqlite3_vtab_cursor{} {}

  std::string path;               // of a function
  std::shared_ptr<Place> place;   // before what borrows it
  std::optional<Place::Use> use;  // of the place
  std::optional<Scan> scan;
  std::optional<MergedScan> merged;  // instead
  const Scan* row = nullptr;         // the one whose turn it is
};

FleetTable& of(sqlite3_vtab* table) {
  return *static_cast<FleetTable*>(table);
}

FleetCursor& of(sqlite3_vtab_cursor* cursor) {
  return *static_cast<FleetCursor*>(cursor);
}

char* copy_for_sqlite(const char* text) {
  return sqlite3_mprintf("%s", text);
}

// Turns what a function throws into SQLite's codes, because its frames are no place for exceptions.
template <class Function>
int guarded(char** message, const Function& function) {
  const auto say = [&](const char* text) {
    sqlite3_free(*message);
    *message = copy_for_sqlite(text);
    return SQLITE_ERROR;
  };
  try {
    return function();
  } catch (const Interrupted&) {
    return SQLITE_INTERRUPT;
  } catch (const std::bad_alloc&) {
    return SQLITE_NOMEM;
  } catch (const std::exception& error) {
    return say(error.what());
  } catch (...) {
    return say("fleet: internal error");
  }
}

// An argument of CREATE VIRTUAL TABLE comes as it was written.
std::string unquoted(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  const char quote = text.empty() ? '\0' : text.front();
  if ((quote != '\'' && quote != '"') || text.size() < 2 || text.back() != quote) return std::string(text);
  std::string out;
  text = text.substr(1, text.size() - 2);
  for (std::size_t i = 0; i < text.size(); ++i) {
    out += text[i];
    if (text[i] == quote && i + 1 < text.size() && text[i + 1] == quote) ++i;
  }
  return out;
}

Table built_in_readings() {
  const types::Schema& schema = types::built_in_type().schema;
  const std::string name = schema.readings_name();
  Table table{.name = name, .name_in_file = name, .readings = name, .key = {0}, .has_ids = true, .rows = 1e6};
  for (const types::Column& column : schema.columns())
    table.columns.push_back({column.name, type_name(column.type)});
  return table;
}

const Table& table_in(const Place& place, const std::string& path, const std::string& name) {
  if (const Table* table = place.find_table(name)) return *table;
  throw InvalidInput(fmt::format("{} has no table {}; it has {}", path, name, place.table_names()));
}

std::string declaration_of(const FleetTable& made) {
  std::string columns;
  const auto add = [&](const std::string& name, std::string_view type) {
    columns += fmt::format("{}{} {}", columns.empty() ? "" : ", ", sql_name(name), type);
  };
  for (const Column& column : made.table.columns) add(column.name, column.type);
  if (made.is_function) add("directory", "TEXT HIDDEN");
  if (made.has_file_column) add(std::string(Table::file_column), "TEXT HIDDEN");
  return fmt::format("CREATE TABLE fleet ({})", columns);
}

// argv: module, schema, table, and for a table that is created, place and name.
int connect(sqlite3* database, void* places, int argc, const char* const* argv, sqlite3_vtab** out,
            char** message) {
  return guarded(message, [&] {
    auto made = std::make_unique<FleetTable>();
    made->database = database;
    made->places = static_cast<std::shared_ptr<Places>*>(places)->get();
    made->is_function = argc <= 3;
    if (made->is_function) {
      made->table = built_in_readings();
    } else {
      const std::string path = unquoted(argv[3]);
      made->place = made->places->open(path);
      made->table = table_in(*made->place, path, argc > 4 ? unquoted(argv[4]) : "sensor_readings");
    }
    made->has_file_column =
        made->table.has_ids && std::ranges::none_of(made->table.columns, [](const Column& one) {
          return one.name == Table::file_column;
        });
    const int code = sqlite3_declare_vtab(database, declaration_of(*made).c_str());
    if (code != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(database));
    *out = made.release();
    return SQLITE_OK;
  });
}

int disconnect(sqlite3_vtab* table) {
  delete &of(table);
  return SQLITE_OK;
}

// ---- the planner ----

// In SQL, for conditions that a file can judge as the query would.
std::string_view comparison_of(unsigned char op) {
  switch (op) {
    case SQLITE_INDEX_CONSTRAINT_EQ:
      return "= ?";
    case SQLITE_INDEX_CONSTRAINT_GT:
      return "> ?";
    case SQLITE_INDEX_CONSTRAINT_GE:
      return ">= ?";
    case SQLITE_INDEX_CONSTRAINT_LT:
      return "< ?";
    case SQLITE_INDEX_CONSTRAINT_LE:
      return "<= ?";
    case SQLITE_INDEX_CONSTRAINT_ISNULL:
      return "IS NULL";
    case SQLITE_INDEX_CONSTRAINT_ISNOTNULL:
      return "IS NOT NULL";
    default:
      return {};
  }
}

class Planner {
 public:
  Planner(const FleetTable& table, sqlite3_index_info& info) : table_(table), info_(info) {}

  int plan() {
    add_columns();
    for (int i = 0; i < info_.nConstraint; ++i) add(i);
    if (table_.is_function && !path_) return SQLITE_CONSTRAINT;
    // The path comes first, then the terms.
    if (path_) use(*path_);
    for (const int i : terms_) use(i);
    add_order();
    const std::string text = text_of(plan_, table_.table);
    info_.idxStr = copy_for_sqlite(text.c_str());
    info_.needToFreeIdxStr = 1;
    info_.estimatedRows = static_cast<sqlite3_int64>(std::max(1.0, rows_));
    info_.estimatedCost = cost();
    return info_.idxStr == nullptr ? SQLITE_NOMEM : SQLITE_OK;
  }

 private:
  void add_columns() {
    constexpr int last_bit = 63;  // stands for all columns from there on
    for (int column = 0; column < table_.declared_columns(); ++column) {
      const int bit = std::min(column, last_bit);
      if (!table_.is_path(column) && (info_.colUsed >> bit & 1) != 0)
        plan_.columns.push_back(table_.column_of(column));
    }
  }

  void add(int i) {
    const auto& [column, op, usable, offset] = info_.aConstraint[i];
    if (table_.is_path(column)) {
      if (usable != 0 && op == SQLITE_INDEX_CONSTRAINT_EQ) path_ = i;
      return;
    }
    const std::string_view comparison = comparison_of(op);
    if (usable == 0 || comparison.empty() || !can_judge(column) ||
        std::strcmp(sqlite3_vtab_collation(&info_, i), "BINARY") != 0)
      return;
    const bool is_list = op == SQLITE_INDEX_CONSTRAINT_EQ && sqlite3_vtab_in(&info_, i, 1) != 0;
    plan_.terms.push_back({table_.column_of(column), is_list ? "IN ?" : std::string(comparison)});
    terms_.push_back(i);
    estimate(i, plan_.terms.back());
  }

  // Where a key is the same in several files, its other columns may differ: the first file's count.
  [[nodiscard]] bool can_judge(int column) const {
    if (column < 0) return false;
    const std::size_t index = table_.column_of(column);
    const std::vector<std::size_t>& key = table_.table.key;
    return is_plain(table_.table, index) &&
           (table_.table.has_ids || std::ranges::find(key, index) != key.end());
  }

  void estimate(int i, const Term& term) {
    const bool is_equal = term.comparison == "= ?";
    const bool is_id = table_.table.has_ids && term.column == table_.table.key.front();
    sqlite3_value* value = nullptr;
    is_repeated_ = is_repeated_ || sqlite3_vtab_rhs_value(&info_, i, &value) != SQLITE_OK;
    is_by_id_ = is_by_id_ || (is_id && (is_equal || term.comparison == "IN ?"));
    rows_ = std::max(1.0, rows_ / (is_id && is_equal ? rows_ : is_equal ? 20 : 3));
  }

  // A lookup that is repeated costs what kept rows cost, or what ids do.
  [[nodiscard]] double cost() const {
    constexpr double file_cost = 100;
    const double all = table_.table.rows;
    const double files = table_.place ? static_cast<double>(table_.place->files().size()) : 1;
    if (is_by_id_) return files * file_cost + rows_;
    if (is_repeated_) return 20 + all / 1'000 + rows_;
    return files * file_cost + all / (plan_.terms.empty() ? 1 : 2) + rows_;
  }

  void use(int i) { info_.aConstraintUsage[i].argvIndex = ++arguments_; }

  // By number, or by time what is not collected: each file has an index of these. SQLite's own limit then
  // ends the reading. It is not passed on: whether there are conditions that we do not see, nobody tells.
  void add_order() {
    if (info_.nOrderBy != 1 || !table_.table.has_ids || !table_.place) return;
    if (table_.place->files().size() > most_merged) return;
    const auto& [column, descending] = info_.aOrderBy[0];
    if (column < 0 || table_.is_path(column)) return;
    const std::size_t ordered = table_.column_of(column);
    if (ordered != table_.table.key.front() && !(is_called(ordered, "timestamp") && asks_for_unsynced()))
      return;
    plan_.order = {ordered, descending != 0};
    if (std::ranges::find(plan_.columns, ordered) == plan_.columns.end()) {
      plan_.columns.push_back(ordered);
      std::ranges::sort(plan_.columns);
    }
    info_.orderByConsumed = 1;
  }

  [[nodiscard]] bool is_called(std::size_t column, std::string_view name) const {
    return column < table_.table.columns.size() && table_.table.columns[column].name == name;
  }

  [[nodiscard]] bool asks_for_unsynced() const {
    return std::ranges::any_of(plan_.terms, [&](const Term& term) {
      return is_called(term.column, "synced") && term.comparison == "= ?";
    });
  }

  const FleetTable& table_;
  sqlite3_index_info& info_;
  Plan plan_;
  std::vector<int> terms_;  // constraints, as plan_.terms
  std::optional<int> path_;
  bool is_repeated_ = false;
  bool is_by_id_ = false;
  double rows_ = table_.table.rows;
  int arguments_ = 0;
};

int best_index(sqlite3_vtab* table, sqlite3_index_info* info) {
  return guarded(&table->zErrMsg, [&] { return Planner(of(table), *info).plan(); });
}

// ---- reading ----

int open_cursor(sqlite3_vtab* table, sqlite3_vtab_cursor** out) {
  return guarded(&table->zErrMsg, [&] {
    auto cursor = std::make_unique<FleetCursor>();
    if (FleetTable& opened = of(table); !opened.is_function) {
      cursor->place = opened.place;
      cursor->use.emplace(opened.place);
    }
    *out = cursor.release();
    return SQLITE_OK;
  });
}

int close_cursor(sqlite3_vtab_cursor* cursor) {
  delete &of(cursor);
  return SQLITE_OK;
}

Value value_of(sqlite3_value* value) {
  switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER:
      return sqlite3_value_int64(value);
    case SQLITE_FLOAT:
      return sqlite3_value_double(value);
    case SQLITE_TEXT: {
      const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(value));
      return std::string(text, static_cast<std::size_t>(sqlite3_value_bytes(value)));
    }
    default:
      return std::monostate{};
  }
}

// Whether a file compares the value with the column as the query does: otherwise one of them is converted,
// and which one depends on more than we know.
bool is_comparable(const Value& value, const std::string& type) {
  if (std::holds_alternative<std::string>(value)) return type == "TEXT";
  return !std::holds_alternative<std::monostate>(value) && (type == "INTEGER" || type == "REAL");
}

// The values of a list; nothing when there are too many to ask each file for.
std::optional<std::vector<Value>> list_of(sqlite3_value* list) {
  std::vector<Value> values;
  sqlite3_value* value = nullptr;
  int code = sqlite3_vtab_in_first(list, &value);
  for (; code == SQLITE_OK && value != nullptr; code = sqlite3_vtab_in_next(list, &value)) {
    if (sqlite3_value_type(value) == SQLITE_NULL) continue;
    if (values.size() == most_in_list) return std::nullopt;
    values.push_back(value_of(value));
  }
  return values;
}

// A term with its value, or nothing if the query has to judge it alone.
std::optional<Condition> condition_of(const Term& term, sqlite3_value* value, const Table& table) {
  Condition condition{term, {}};
  if (term.comparison == "IS NULL" || term.comparison == "IS NOT NULL") return condition;
  if (term.comparison == "IN ?") {
    std::optional<std::vector<Value>> values = list_of(value);
    if (!values) return std::nullopt;
    condition.values = std::move(*values);
  } else {
    condition.values.push_back(value_of(value));
  }
  const std::string type = term.column < table.columns.size() ? table.columns[term.column].type : "TEXT";
  if (!std::ranges::all_of(condition.values, [&](const Value& one) { return is_comparable(one, type); }))
    return std::nullopt;
  return condition;
}

Request request_of(const Plan& plan, sqlite3_value** values, const Table& table) {
  Request request{.columns = plan.columns, .conditions = {}, .order = plan.order};
  for (const Term& term : plan.terms) {
    std::optional<Condition> condition = condition_of(term, *values++, table);
    if (condition) request.conditions.push_back(std::move(*condition));
  }
  return request;
}

void advance(FleetCursor& cursor) {
  if (cursor.merged) {
    cursor.row = cursor.merged->next();
  } else {
    cursor.row = cursor.scan->next() ? &*cursor.scan : nullptr;
  }
}

// Where the function is to read.
void find_place(FleetTable& table, FleetCursor& cursor, sqlite3_value* path) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(path));
  const std::string name = text == nullptr ? "" : text;
  if (cursor.place && cursor.path == name) return;
  cursor.use.reset();
  cursor.place = table.place = table.places->open(name);
  if (cursor.place->find_table(table.table.name) == nullptr) {
    throw InvalidInput(
        fmt::format("{} has no table {}: it has {}; CREATE VIRTUAL TABLE temp.NAME USING fleet('{}', "
                    "'TABLE') makes one of them, SELECT fleet_open('{}') all",
                    name, table.table.name, cursor.place->table_names(), name, name));
  }
  cursor.path = name;
  cursor.use.emplace(cursor.place);
}

int filter(sqlite3_vtab_cursor* raw, int /*number*/, const char* text, int /*argc*/, sqlite3_value** argv) {
  FleetTable& table = of(raw->pVtab);
  FleetCursor& cursor = of(raw);
  return guarded(&table.zErrMsg, [&] {
    cursor.row = nullptr;
    cursor.scan.reset();
    cursor.merged.reset();
    if (table.is_function) find_place(table, cursor, *argv++);
    const Plan plan = read_plan(text, table.table);
    Request request = request_of(plan, argv, table.table);
    KeptRows* kept = nullptr;
    if (!plan.terms.empty()) {
      kept = &cursor.place->kept(fmt::format("{}: {}", table.table.name, text));
      if (!kept->look_up(*cursor.place, table.table, plan)) kept = nullptr;
    }
    if (plan.order && kept == nullptr) {
      cursor.merged.emplace(*cursor.place, table.table, request);
    } else {
      cursor.scan.emplace(*cursor.place, table.table, std::move(request), kept);
    }
    advance(cursor);
    return SQLITE_OK;
  });
}

int next(sqlite3_vtab_cursor* cursor) {
  return guarded(&cursor->pVtab->zErrMsg, [&] {
    advance(of(cursor));
    return SQLITE_OK;
  });
}

int eof(sqlite3_vtab_cursor* cursor) {
  return of(cursor).row == nullptr ? 1 : 0;
}

void give(sqlite3_context* context, const tables::Statement& row, int position) {
  switch (row.type(position)) {
    case SQLITE_INTEGER:
      return sqlite3_result_int64(context, row.integer(position));
    case SQLITE_FLOAT:
      return sqlite3_result_double(context, row.real(position));
    case SQLITE_NULL:
      return sqlite3_result_null(context);
    case SQLITE_BLOB: {
      const std::string_view bytes = row.text(position);
      return sqlite3_result_blob64(context, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
    }
    default: {
      const std::string_view text = row.text(position);
      return sqlite3_result_text(context, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
    }
  }
}

int column(sqlite3_vtab_cursor* raw, sqlite3_context* context, int index) {
  FleetCursor& cursor = of(raw);
  const FleetTable& table = of(raw->pVtab);
  if (table.is_path(index)) {
    sqlite3_result_text(context, cursor.path.data(), static_cast<int>(cursor.path.size()), SQLITE_TRANSIENT);
    return SQLITE_OK;
  }
  const int position = cursor.row->position_of(table.column_of(index));
  if (position >= 0) give(context, cursor.row->row(), position);
  return SQLITE_OK;
}

int row_number(sqlite3_vtab_cursor* raw, sqlite3_int64* number) {
  return guarded(&raw->pVtab->zErrMsg, [&] {
    *number = of(raw).row->number();
    return SQLITE_OK;
  });
}

const sqlite3_module& fleet_module() {
  static const sqlite3_module module = [] {
    sqlite3_module made{};
    made.xCreate = connect;  // the same as xConnect, so that the module is a function, too
    made.xConnect = connect;
    made.xBestIndex = best_index;
    made.xDisconnect = disconnect;
    made.xDestroy = disconnect;
    made.xOpen = open_cursor;
    made.xClose = close_cursor;
    made.xFilter = filter;
    made.xNext = next;
    made.xEof = eof;
    made.xColumn = column;
    made.xRowid = row_number;
    return made;
  }();
  return module;
}

// ---- fleet_open ----

void fleet_open(sqlite3_context* context, int /*argc*/, sqlite3_value** argv) {
  char* message = nullptr;
  guarded(&message, [&] {
    const auto* path = reinterpret_cast<const char*>(sqlite3_value_text(argv[0]));
    auto& places = **static_cast<std::shared_ptr<Places>*>(sqlite3_user_data(context));
    const std::shared_ptr<Place> place =
        open_tables(sqlite3_context_db_handle(context), places, path == nullptr ? "" : path);
    sqlite3_result_text(context, place->table_names().c_str(), -1, SQLITE_TRANSIENT);
    return SQLITE_OK;
  });
  if (message != nullptr) sqlite3_result_error(context, message, -1);
  sqlite3_free(message);
}

}  // namespace

std::shared_ptr<Place> Places::open(const std::string& path) {
  std::weak_ptr<Place>& known = places_[path];
  if (std::shared_ptr<Place> place = known.lock()) return place;
  auto place = std::make_shared<Place>(path, options_);
  known = place;
  return place;
}

std::shared_ptr<Place> open_tables(sqlite3* database, Places& places, const std::string& path) {
  std::shared_ptr<Place> place = places.open(path);
  for (const Table& table : place->tables()) {
    const std::string sql =
        fmt::format("CREATE VIRTUAL TABLE IF NOT EXISTS temp.{} USING {}({}, {})", sql_name(table.name),
                    module_name, sql_text(path), sql_text(table.name));
    if (sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
      throw std::runtime_error(sqlite3_errmsg(database));
  }
  return place;
}

int add_module(sqlite3* database, std::shared_ptr<Places> places) {
  auto* owner = new std::shared_ptr<Places>(std::move(places));
  const auto destroy = [](void* made) { delete static_cast<std::shared_ptr<Places>*>(made); };
  const int code = sqlite3_create_module_v2(database, module_name, &fleet_module(), owner, destroy);
  if (code != SQLITE_OK) return code;
  return sqlite3_create_function_v2(database, "fleet_open", 1, SQLITE_UTF8 | SQLITE_DIRECTONLY, owner,
                                    fleet_open, nullptr, nullptr, nullptr);
}

}  // namespace fleet_sim::sql
