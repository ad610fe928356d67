#include "tables/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

namespace fleet_sim::tables {
namespace {

using config::Layout;
using Role = types::Column::Role;
using Type = types::Column::Type;

// The planner expects 10 entries of a sensor in an index of which it knows nothing, and then looks up the
// sensor of each reading rather than the readings of a sensor.
constexpr std::string_view create_dictionary = R"sql(
CREATE TABLE reading_sensors (
  number INTEGER PRIMARY KEY,
  sensor_id TEXT NOT NULL{}
);
CREATE INDEX reading_sensors_of_id ON reading_sensors (sensor_id);
ANALYZE sqlite_schema;
INSERT INTO sqlite_stat1 VALUES ('reading_sensors', 'reading_sensors_of_id', '1000 2');)sql";

constexpr std::string_view create_triggers = R"sql(
CREATE TRIGGER sensor_readings_mark INSTEAD OF UPDATE OF synced ON sensor_readings BEGIN
  UPDATE readings SET synced = NEW.synced WHERE id = OLD.id;
END;
CREATE TRIGGER sensor_readings_change INSTEAD OF UPDATE OF {} ON sensor_readings BEGIN
  SELECT raise(ABORT, 'sensor_readings is a view in this file, of which only synced can be updated');
END;
CREATE TRIGGER sensor_readings_delete INSTEAD OF DELETE ON sensor_readings BEGIN
  DELETE FROM readings WHERE id = OLD.id;
END;
CREATE TRIGGER sensor_readings_insert INSTEAD OF INSERT ON sensor_readings BEGIN
  SELECT raise(ABORT, 'sensor_readings is a view in this file, into which nothing can be inserted');
END;)sql";

// A flag says only whether there is an anomaly, which the type of the anomaly says as well.
bool is_flag(const types::Column& column) {
  return column.role == Role::state && column.type == Type::integer;
}

bool is_stored(const types::Column& column, Layout layout) {
  return layout == Layout::wide || (column.role != Role::identity && !is_flag(column));
}

std::string_view definition_of(const types::Column& column, Layout layout) {
  if (column.role == Role::id) return "INTEGER PRIMARY KEY";
  if (column.role == Role::sensor && layout == Layout::compact) return "INTEGER NOT NULL";
  if (column.role == Role::moment || column.role == Role::sensor) return "TEXT NOT NULL";
  if (column.role == Role::mark) return "INTEGER DEFAULT 0";
  return column.type == Type::integer ? "INTEGER" : column.type == Type::real ? "REAL" : "TEXT";
}

std::string dictionary_for(const types::Schema& schema) {
  std::string columns;
  for (const types::Column& column : schema.columns()) {
    if (column.role == Role::identity) columns += fmt::format(",\n  {} TEXT", column.name);
  }
  return fmt::format(create_dictionary, columns);
}

// The affinity of a flag is that of its column in a wide file.
std::string shown(const types::Column& column) {
  if (is_flag(column)) return fmt::format("CAST(r.anomaly_type IS NOT NULL AS INTEGER) AS {}", column.name);
  const bool is_of_sensor = column.role == Role::sensor || column.role == Role::identity;
  return fmt::format("{}.{}", is_of_sensor ? 's' : 'r', column.name);
}

// The rows come first, and the sensor of each is looked up: with JOIN, SQLite might look for the rows of each
// sensor instead, in an index that it makes for one query. It does so where another query stands in a
// condition, and takes 36 times as long. A condition on the sensor is looked up first all the same.
constexpr std::string_view rows_first = "LEFT JOIN";
constexpr std::string_view in_any_order = "JOIN";  // of files that earlier versions made

std::string view_of(const types::Schema& schema, std::string_view join = rows_first) {
  std::string columns;
  for (const types::Column& column : schema.columns())
    columns += fmt::format("{}\n  {}", columns.empty() ? "" : ",", shown(column));
  return fmt::format(
      "CREATE VIEW sensor_readings AS SELECT{}\nFROM readings AS r {} reading_sensors AS s ON s.number = "
      "r.sensor_id",
      columns, join);
}

// A view goes with its triggers.
std::string create_view(const types::Schema& schema) {
  std::vector<types::Column> fixed;
  std::ranges::copy_if(schema.columns(), std::back_inserter(fixed),
                       [](const types::Column& column) { return column.role != Role::mark; });
  return fmt::format("{};{}", view_of(schema),
                     fmt::format(create_triggers, listed(std::span(std::as_const(fixed)))));
}

}  // namespace

std::string_view rows_table(Layout layout) {
  return layout == Layout::wide ? readings_name : "readings";
}

std::vector<types::Column> stored_columns(const types::Schema& schema, Layout layout) {
  std::vector<types::Column> stored;
  std::ranges::copy_if(schema.columns(), std::back_inserter(stored),
                       [layout](const types::Column& column) { return is_stored(column, layout); });
  return stored;
}

std::string create_readings(const types::Schema& schema, Layout layout) {
  std::string columns;
  for (const types::Column& column : stored_columns(schema, layout))
    columns +=
        fmt::format("{}\n  {} {}", columns.empty() ? "" : ",", column.name, definition_of(column, layout));
  std::string sql = fmt::format("CREATE TABLE {} ({}\n);", rows_table(layout), columns);
  if (layout == Layout::compact) sql += dictionary_for(schema) + create_view(schema);
  return sql;
}

std::string extend_readings(const types::Schema& schema, Layout layout, std::size_t count) {
  std::string sql;
  for (const types::Column& column : schema.columns().last(count))
    sql += fmt::format("ALTER TABLE {} ADD COLUMN {} {};", rows_table(layout), column.name,
                       definition_of(column, layout));
  if (layout == Layout::compact) sql += "DROP VIEW sensor_readings;" + create_view(schema);
  return sql;
}

StorageError find_layout(Database& database, std::optional<Layout>& layout) {
  layout.reset();
  const auto take = [&](const Statement& row) {
    if (row.text(0) == "table") layout = Layout::wide;
    if (row.text(0) == "view") layout = Layout::compact;
  };
  return database.query("SELECT type FROM main.sqlite_schema WHERE name = ?1 COLLATE NOCASE", take,
                        readings_name);
}

StorageError has_view_of(Database& database, const types::Schema& schema, bool& answer) {
  answer = false;
  const auto take = [&](const Statement& row) {
    answer = row.text(0) == view_of(schema) || row.text(0) == view_of(schema, in_any_order);
  };
  return database.query("SELECT sql FROM main.sqlite_schema WHERE type = 'view' AND name = ?1", take,
                        readings_name);
}

}  // namespace fleet_sim::tables
