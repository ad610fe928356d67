#include "sql/place.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "data/data_directory.h"
#include "sql/kept_rows.h"

namespace fleet_sim::sql {

// A table of one file.
struct TableShape {
  std::string name;
  std::vector<Column> columns;
  std::vector<std::string> key;
  bool has_ids = false;
};

namespace {

namespace fs = std::filesystem;

constexpr std::string_view readings_table = "sensor_readings";

// For the planner of queries, which needs to know what is large.
constexpr double bytes_per_reading = 110;
constexpr double readings_per_event = 50;
constexpr double rows_of_other_tables = 10;  // in a file

// The tables and views of a shard as its connection sees them: a temporary view stands for what it presents
// (present_as_shard). Of the readings of a central database, only those presented belong to this shard. A
// view of the file's own stands for the tables that its readings lie in (tables/layout.h).
constexpr std::string_view select_tables = R"sql(
SELECT name FROM temp.sqlite_schema WHERE type = 'view'
UNION SELECT name FROM main.sqlite_schema
WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\_%' ESCAPE '\'
  AND NOT (name IN ('readings', 'reading_sensors')
    AND EXISTS (SELECT 1 FROM main.sqlite_schema WHERE type = 'view' AND name = 'sensor_readings'))
  AND NOT (name GLOB 'sensor_readings*' AND EXISTS (SELECT 1 FROM temp.sqlite_schema WHERE name = 'sensor_readings'))
ORDER BY name)sql";

// A file with the same text has the same tables.
constexpr std::string_view select_schema_text = R"sql(
SELECT coalesce((SELECT group_concat(sql, ';') FROM main.sqlite_schema), '') || ';' ||
  coalesce((SELECT group_concat(sql, ';') FROM temp.sqlite_schema), '') || ';' ||
  (SELECT user_version FROM pragma_user_version))sql";

constexpr std::string_view select_columns = "SELECT name, type, pk FROM pragma_table_info(?1) ORDER BY cid";
constexpr std::string_view select_key =
    "SELECT name FROM pragma_table_info(?1, 'main') WHERE pk > 0 ORDER BY pk";

// What a column's declared type, which may be any text, comes to in SQLite: its affinity.
std::string affinity_of(std::string_view declared) {
  std::string type(declared);
  std::ranges::transform(type, type.begin(), [](unsigned char c) { return std::toupper(c); });
  const auto has = [&](std::string_view word) { return type.find(word) != std::string::npos; };
  if (has("INT")) return "INTEGER";
  if (has("CHAR") || has("CLOB") || has("TEXT")) return "TEXT";
  if (has("BLOB") || type.empty()) return "BLOB";
  return has("REAL") || has("FLOA") || has("DOUB") ? "REAL" : "NUMERIC";
}

TableShape shape_of(tables::Database& shard, const std::string& table, const fs::path& file) {
  TableShape shape{.name = table, .columns = {}, .key = {}};
  std::string number;  // the one column of an INTEGER PRIMARY KEY
  std::size_t keys = 0;
  tables::Statement column = data::prepare_query(shard, select_columns, file);
  column.bind(1, table);
  while (data::next_row(column, shard, file)) {
    shape.columns.push_back({std::string(column.text(0)), affinity_of(column.text(1))});
    const Column& last = shape.columns.back();
    const bool is_key = column.integer(2) > 0;
    keys += is_key ? 1 : 0;
    if (last.name == "id" || (is_key && last.type == "INTEGER")) number = last.name;
  }
  shape.has_ids = !number.empty() && (keys <= 1 || number == "id");
  if (shape.has_ids) {
    shape.key = {number};
    return shape;
  }
  tables::Statement key = data::prepare_query(shard, select_key, file);
  key.bind(1, table);
  while (data::next_row(key, shard, file)) shape.key.emplace_back(key.text(0));
  // A file has the channels of one type of sensor, and does without the type.
  if (table == "channel_info") shape.key.emplace_back("type");
  if (shape.key.empty()) {
    for (const Column& one : shape.columns) shape.key.push_back(one.name);
  }
  return shape;
}

// Of the columns of a view, not all say their type.
void set_types(std::vector<Column>& columns, const types::Schema& schema) {
  for (Column& column : columns) {
    const auto known = std::ranges::find(schema.columns(), column.name, &types::Column::name);
    if (known != schema.columns().end()) column.type = type_name(known->type);
  }
}

std::string schema_text(tables::Database& shard, const fs::path& file) {
  tables::Statement row = data::prepare_query(shard, select_schema_text, file);
  data::next_row(row, shard, file);
  std::string text(row.text(0));
  tables::Statement type;
  if (shard.prepare("SELECT type FROM channel_info LIMIT 1", type).ok() && type.step() == SQLITE_ROW)
    text += type.text(0);
  return text;
}

std::size_t index_of(std::vector<Column>& columns, const Column& wanted) {
  const auto found = std::ranges::find(columns, wanted.name, &Column::name);
  if (found != columns.end()) return static_cast<std::size_t>(found - columns.begin());
  columns.push_back(wanted);
  return columns.size() - 1;
}

}  // namespace

std::string type_name(types::Column::Type type) {
  using Type = types::Column::Type;
  return type == Type::integer ? "INTEGER" : type == Type::real ? "REAL" : "TEXT";
}

struct Place::Shape {
  std::vector<TableShape> tables;
  std::string readings;  // what its readings are called among those of other files; empty: it has none
};

Place::Place(const fs::path& path, const Options& options) : path_(path), options_(options) {
  find_files();
  look_at_all();
}

Place::~Place() = default;

void Place::find_files() {
  const data::Sources sources(path_);
  for (const fs::path& file : sources.files)
    files_.push_back({file, sources.name_of(file), data::has_log(file)});
}

// Before anybody reads: files may have come and gone, and logs with them.
void Place::refresh() {
  std::error_code ignored;
  if (fs::is_directory(path_, ignored)) {
    std::vector<ShardFile> found;
    for (const fs::path& path : data::list_shards(path_)) {
      const auto known = std::ranges::lower_bound(files_, path, {}, &ShardFile::path);
      if (known != files_.end() && known->path == path) {
        found.push_back(*known);
      } else {
        found.push_back({path, path.lexically_relative(path_).string()});
      }
    }
    // A central database among them stands for several.
    for (const ShardFile& known : files_) {
      if (fs::is_regular_file(known.path.parent_path(), ignored)) {
        std::erase_if(found, [&](const ShardFile& one) { return one.path == known.path.parent_path(); });
        found.push_back(known);
      }
    }
    std::ranges::sort(found, {}, &ShardFile::path);
    files_ = std::move(found);
  }
  for (ShardFile& file : files_) {
    file.had_log = data::has_log(file.path);
    if (!file.readings.empty()) continue;
    try {
      if (const ShapePointer shape = look_at(file)) file.readings = shape->readings;
    } catch (const std::runtime_error& error) {
      report(error.what());
    }
  }
}

Place::ShapePointer Place::look_at(ShardFile& file) {
  tables::Database shard = data::open_shard(file.path, file.had_log);
  ShapePointer& shape = shapes_[schema_text(shard, file.path)];
  if (shape) return shape;
  data::check_shard(shard, file.path);
  auto seen = std::make_shared<Shape>();
  tables::Statement table = data::prepare_query(shard, select_tables, file.path);
  while (data::next_row(table, shard, file.path)) {
    seen->tables.push_back(shape_of(shard, std::string(table.text(0)), file.path));
    if (seen->tables.back().name != readings_table) continue;
    const types::Schema schema = data::read_schema(shard, file.path);
    seen->readings = schema.readings_name();
    set_types(seen->tables.back().columns, schema);
  }
  shape = std::move(seen);
  return shape;
}

void Place::look_at_all() {
  std::set<const Shape*> added;
  for (ShardFile& file : files_) {
    try {
      const ShapePointer shape = look_at(file);
      file.readings = shape->readings;
      if (added.insert(shape.get()).second) add(*shape);
    } catch (const std::runtime_error& error) {
      report(error.what());
    }
  }
  finish_tables();
}

void Place::add(const Shape& shape) {
  for (const TableShape& seen : shape.tables) {
    Table& table = table_of(shape, seen.name, seen.has_ids);
    for (const Column& column : seen.columns) index_of(table.columns, column);
    if (!table.key.empty()) continue;
    for (const std::string& column : seen.key) table.key.push_back(index_of(table.columns, {column, {}}));
  }
}

Table& Place::table_of(const Shape& shape, const std::string& name_in_file, bool has_ids) {
  const std::string readings = name_in_file == readings_table ? shape.readings : std::string();
  const std::string& name = readings.empty() ? name_in_file : readings;
  const auto found = std::ranges::find(tables_, name, &Table::name);
  if (found != tables_.end()) return *found;
  tables_.push_back({.name = name, .name_in_file = name_in_file, .readings = readings, .has_ids = has_ids});
  return tables_.back();
}

void Place::finish_tables() {
  std::vector<Table> readings;
  std::ranges::copy_if(tables_, std::back_inserter(readings),
                       [](const Table& table) { return !table.readings.empty(); });
  // With readings of one declared type only, queries for any fleet work on them.
  if (readings.size() == 1 && readings.front().name != readings_table) {
    tables_.push_back(readings.front());
    tables_.back().name = readings_table;
  }
  std::ranges::sort(tables_, {}, &Table::name);
  double bytes = 0;
  for (const ShardFile& file : files_) {
    std::error_code ignored;
    const auto size = fs::file_size(file.path, ignored);
    bytes += ignored ? 0 : static_cast<double>(size);
  }
  const double all = std::max(rows_of_other_tables, bytes / bytes_per_reading);
  for (Table& table : tables_) {
    const bool is_events = table.name == "anomaly_events";
    table.rows = !table.readings.empty() ? all : is_events ? all / readings_per_event : rows_of_other_tables;
  }
}

const Table* Place::find_table(std::string_view name) const {
  const auto found = std::ranges::find(tables_, name, &Table::name);
  return found == tables_.end() ? nullptr : &*found;
}

std::string Place::table_names() const {
  std::vector<std::string_view> names;
  for (const Table& table : tables_) names.push_back(table.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

Place::Use::Use(std::shared_ptr<Place> place) : place_(std::move(place)) {
  if (place_->uses_ == 0) place_->refresh();
  ++place_->uses_;
}

Place::Use::~Use() {
  if (--place_->uses_ == 0) place_->kept_.clear();
}

KeptRows& Place::kept(const std::string& lookup) {
  std::unique_ptr<KeptRows>& rows = kept_[lookup];
  if (!rows) rows = std::make_unique<KeptRows>();
  return *rows;
}

void Place::report(const std::string& problem) {
  if (!options_.skip_unreadable) throw std::runtime_error(problem);
  if (known_problems_.insert(problem).second) new_problems_.push_back(problem);
}

std::vector<std::string> Place::take_problems() {
  return std::exchange(new_problems_, {});
}

}  // namespace fleet_sim::sql
