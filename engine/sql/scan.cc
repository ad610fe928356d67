#include "sql/scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <compare>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <variant>

#include "base/random.h"
#include "data/data_directory.h"
#include "sql/kept_rows.h"
#include "sql/quoting.h"

namespace fleet_sim::sql {
namespace {

// What `sensors` says of the sensor that a row is of.
constexpr std::array<std::string_view, 5> sensor_columns{"sensor_id", "location", "manufacturer", "model",
                                                         "firmware_version"};

// Whether `sensors` lists everybody who has rows here: runs of earlier versions did not write it. A run that
// did has the sensor of its first reading there. A central database may have any part of it.
constexpr std::string_view select_lists_all = R"sql(
SELECT NOT EXISTS (
  SELECT 1 FROM (SELECT first_reading_id FROM run_info UNION ALL SELECT -9223372036854775808) AS run
  WHERE (SELECT NOT EXISTS (SELECT 1 FROM sensors AS s WHERE s.sensor_id = r.sensor_id AND s.valid_from <= r.timestamp)
    FROM sensor_readings AS r WHERE r.id >= coalesce(run.first_reading_id, 1) ORDER BY r.id LIMIT 1))
AND NOT EXISTS (SELECT 1 FROM temp.sqlite_schema WHERE name = 'sensor_readings'))sql";

// Whether a scenario may have set what is said of sensors: `sensors` has their identities.
constexpr std::string_view select_has_scenario = "SELECT EXISTS (SELECT 1 FROM fleet_events)";

// Names as a file's table has them.
std::vector<std::string> columns_in(tables::Database& shard, const std::string& table,
                                    const std::filesystem::path& file) {
  std::vector<std::string> names;
  tables::Statement row = data::prepare_query(shard, "SELECT name FROM pragma_table_info(?1)", file);
  row.bind(1, table);
  while (data::next_row(row, shard, file)) names.emplace_back(row.text(0));
  return names;
}

// Without ids, the key tells whether a row has been there already.
Request with_key(Request request, const Table& table) {
  std::vector<std::size_t>& columns = request.columns;
  if (!table.has_ids) columns.insert(columns.end(), table.key.begin(), table.key.end());
  std::ranges::sort(columns);
  const auto repeated = std::ranges::unique(columns);
  columns.erase(repeated.begin(), repeated.end());
  return request;
}

// Whole numbers as they are, because an index of some rows is used only where they are seen.
std::string text_of(const Condition& one, const std::string& column) {
  std::string values;
  for (const Value& value : one.values) {
    if (!values.empty()) values += ", ";
    const auto* whole = std::get_if<std::int64_t>(&value);
    values += whole == nullptr ? "?" : fmt::format("{}", *whole);
  }
  const std::string& comparison = one.term.comparison;
  const std::string_view before(comparison.data(), std::min(comparison.find('?'), comparison.size()));
  const bool is_list = comparison == "IN ?";
  return fmt::format("{} {}{}{}{}", column, before, is_list ? "(" : "", values, is_list ? ")" : "");
}

void bind_values(tables::Statement& statement, const std::vector<const Condition*>& conditions) {
  int parameter = 0;
  for (const Condition* one : conditions) {
    for (const Value& value : one->values) {
      if (const auto* text = std::get_if<std::string>(&value)) {
        statement.bind(++parameter, std::string_view(*text));
      } else if (const auto* number = std::get_if<double>(&value)) {
        statement.bind(++parameter, *number);
      }
    }
  }
}

// Whether reading has ended because somebody asked for that.
bool is_interrupt(int code) {
  return (code & 0xFF) == SQLITE_INTERRUPT;
}

}  // namespace

Scan::Scan(Place& place, const Table& table, Request request, KeptRows* kept)
    : place_(place),
      table_(table),
      request_(kept != nullptr ? std::move(request) : with_key(std::move(request), table)),
      kept_(kept),
      next_file_(request_.only_file.value_or(0)),
      end_of_files_(request_.only_file ? *request_.only_file + 1 : place.files().size()) {
  positions_.assign(table_.columns.size() + 1, -1);
  int position = 0;  // the id's
  for (const std::size_t column : request_.columns) positions_[column] = ++position;
}

Scan::~Scan() {
  put_back_statement();
}

bool Scan::next() {
  while (true) {
    if (!row_.is_prepared() && !open_next()) return false;
    if (!step()) {
      put_back_statement();
    } else if (table_.has_ids || kept_ != nullptr || is_new_key()) {
      ++place_.effort().rows;
      return true;
    }
  }
}

bool Scan::open_next() {
  if (kept_ != nullptr) {
    if (std::exchange(next_file_, 1) > 0) return false;
    std::vector<std::string> columns;
    for (std::size_t i = 0; i <= table_.columns.size(); ++i) columns.push_back(kept_column(i));
    prepare(select(columns, "rowid", std::string(kept_table)));
    return true;
  }
  while (next_file_ < end_of_files_) {
    const ShardFile& file = place_.files()[next_file_++];
    if (!table_.readings.empty() && table_.readings != file.readings) continue;
    if (!may_have_rows(file)) {
      ++place_.effort().files_left_out;
      continue;
    }
    try {
      if (open(file)) {
        ++place_.effort().files_read;
        return true;
      }
      ++place_.effort().files_left_out;
    } catch (const std::runtime_error& error) {
      std::error_code unknown;
      if (std::filesystem::exists(file.path, unknown) || unknown) place_.report(error.what());
      ++place_.effort().files_left_out;
    }
  }
  return false;
}

// As far as its name tells.
bool Scan::may_have_rows(const ShardFile& file) const {
  return std::ranges::all_of(request_.conditions, [&](const Condition& one) {
    const bool names_file = one.term.column == table_.columns.size() &&
                            (one.term.comparison == "= ?" || one.term.comparison == "IN ?");
    return !names_file || std::ranges::find(one.values, Value(file.name)) != one.values.end();
  });
}

bool Scan::open(const ShardFile& file) {
  row_ = {};
  shard_ = data::open_shard(file.path, file.had_log);
  if (place_.interrupt() != nullptr) shard_.interrupt_when(*place_.interrupt());
  const std::vector<std::string> there = columns_in(shard_, table_.name_in_file, file.path);
  if (there.empty() || !sensors_may_match(file)) return false;
  std::vector<std::string> columns;
  for (const Column& column : table_.columns) {
    const bool is_there = std::ranges::find(there, column.name) != there.end();
    columns.push_back(is_there ? sql_name(column.name) : "NULL");
  }
  columns.push_back(sql_text(file.name));
  const std::string id = table_.has_ids ? columns[table_.key.front()] : "NULL";
  prepare(select(columns, id, sql_name(table_.name_in_file)));
  return true;
}

// Whether the file's sensors can have rows as they are asked for.
bool Scan::sensors_may_match(const ShardFile& file) {
  tables::Statement scenario;
  const bool has_scenario = shard_.prepare(select_has_scenario, scenario).ok() &&
                            scenario.step() == SQLITE_ROW && scenario.integer(0) != 0;
  const auto is_of_sensor = [&](const std::string& name) {
    const auto found = std::ranges::find(sensor_columns, name);
    return found != sensor_columns.end() && (!has_scenario || name == "sensor_id");
  };
  const bool has_sensor =
      std::ranges::find(table_.columns, "sensor_id", &Column::name) != table_.columns.end();
  if (!has_sensor || table_.name == "sensors") return true;
  std::string conditions;
  std::vector<const Condition*> used;
  for (const Condition& one : request_.conditions) {
    if (one.term.column >= table_.columns.size()) continue;
    const std::string& name = table_.columns[one.term.column].name;
    if (!is_of_sensor(name)) continue;
    conditions += " AND " + text_of(one, name);
    used.push_back(&one);
  }
  if (used.empty()) return true;
  tables::Statement lists_all;
  if (!shard_.prepare(select_lists_all, lists_all).ok() || lists_all.step() != SQLITE_ROW ||
      lists_all.integer(0) == 0)
    return true;
  tables::Statement found = data::prepare_query(
      shard_, fmt::format("SELECT EXISTS (SELECT 1 FROM sensors WHERE 1{})", conditions), file.path);
  bind_values(found, used);
  return !data::next_row(found, shard_, file.path) || found.integer(0) != 0;
}

std::string Scan::select(const std::vector<std::string>& columns, const std::string& id,
                         const std::string& from) const {
  std::string sql = "SELECT " + id;
  for (const std::size_t column : request_.columns) sql += ", " + columns[column];
  sql += " FROM " + from + " WHERE 1";
  for (const Condition& one : request_.conditions) sql += " AND " + text_of(one, columns[one.term.column]);
  if (request_.order) {
    sql += fmt::format(" ORDER BY {}{}", columns[request_.order->column],
                       request_.order->descending ? " DESC" : "");
  }
  return sql;
}

void Scan::prepare(const std::string& sql) {
  tables::Statement statement;
  if (kept_ != nullptr && kept_->sql == sql) statement = std::move(kept_->statement);
  if (!statement.is_prepared()) {
    tables::Database& database = kept_ != nullptr ? kept_->database : shard_;
    if (const tables::StorageError error = database.prepare(sql, statement); !error.ok())
      throw std::runtime_error(problem(error));
  }
  std::vector<const Condition*> conditions;
  for (const Condition& one : request_.conditions) conditions.push_back(&one);
  bind_values(statement, conditions);
  row_ = std::move(statement);
  sql_ = sql;
}

// A lookup is repeated with the same words.
void Scan::put_back_statement() {
  if (kept_ != nullptr && row_.is_prepared()) {
    row_.reset();
    kept_->statement = std::move(row_);
    kept_->sql = std::move(sql_);
  }
  row_ = {};
}

bool Scan::step() {
  const int code = row_.step();
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  if (is_interrupt(code)) throw Interrupted();
  place_.report(problem((kept_ != nullptr ? kept_->database : shard_).error()));
  return false;
}

std::string Scan::problem(const tables::StorageError& error) const {
  const std::string file = kept_ != nullptr ? "temporary file" : place_.files()[next_file_ - 1].path.string();
  return fmt::format("{}: cannot be read: {}", file, error.message);
}

bool Scan::is_new_key() {
  return keys_.insert(static_cast<std::uint64_t>(number())).second;
}

std::int64_t Scan::number() const {
  if (kept_ != nullptr) return row_.integer(0);
  if (table_.has_ids) {
    const int bits = std::countl_zero(static_cast<std::uint64_t>(place_.files().size())) - 1;
    const std::int64_t id = row_.integer(0);
    if (id >= 0 && id >> bits == 0) return static_cast<std::int64_t>(next_file_ - 1) << bits | id;
    throw std::runtime_error(
        fmt::format("{}: {} has a row with the id {}, too large to be a rowid among {} files",
                    place_.files()[next_file_ - 1].path.string(), table_.name, id, place_.files().size()));
  }
  std::uint64_t hash = 0;
  for (const std::size_t column : table_.key) {
    const int position = positions_[column];
    hash = mix_words(
        hash, mix_words(hash_text(row_.text(position)), static_cast<std::uint64_t>(row_.type(position))));
  }
  return static_cast<std::int64_t>(hash);
}

MergedScan::MergedScan(Place& place, const Table& table, const Request& request) : order_(*request.order) {
  for (std::size_t file = 0; file < place.files().size(); ++file) {
    Request of_file = request;
    of_file.only_file = file;
    auto scan = std::make_unique<Scan>(place, table, std::move(of_file));
    if (scan->next()) scans_.push_back(std::move(scan));
  }
  std::ranges::make_heap(scans_, [&](const auto& a, const auto& b) { return is_after(*a, *b); });
}

const Scan* MergedScan::next() {
  const auto after = [&](const auto& a, const auto& b) { return is_after(*a, *b); };
  if (has_given_) {
    if (scans_.back()->next()) {
      std::ranges::push_heap(scans_, after);
    } else {
      scans_.pop_back();
    }
  }
  has_given_ = !scans_.empty();
  if (!has_given_) return nullptr;
  std::ranges::pop_heap(scans_, after);
  return scans_.back().get();
}

// As SQLite orders what an index by time or number has: texts by their bytes, and no NULL.
bool MergedScan::is_after(const Scan& a, const Scan& b) const {
  const int position = a.position_of(order_.column);
  const tables::Statement& x = a.row();
  const tables::Statement& y = b.row();
  const auto order = x.type(position) == SQLITE_INTEGER ? x.integer(position) <=> y.integer(position)
                                                        : x.text(position) <=> y.text(position);
  return order_.descending ? order < 0 : order > 0;
}

}  // namespace fleet_sim::sql
