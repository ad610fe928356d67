#include "tables/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/plain_text.h"
#include "tables/channel_info.h"
#include "tables/sensors.h"
#include "types/built_in_type.h"

namespace fleet_sim::tables {
namespace {

constexpr const char* create_other_tables = R"sql(
CREATE TABLE IF NOT EXISTS anomaly_events (
  id INTEGER PRIMARY KEY,
  sensor_id TEXT NOT NULL,
  anomaly_type TEXT NOT NULL,
  channel TEXT,
  direction INTEGER,
  magnitude REAL,
  started_at TEXT NOT NULL,
  ended_at TEXT,
  readings_affected INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS anomaly_events_open ON anomaly_events (sensor_id) WHERE ended_at IS NULL;
CREATE TABLE IF NOT EXISTS run_info (
  run_id TEXT PRIMARY KEY,
  seed INTEGER NOT NULL,
  version TEXT NOT NULL,
  config TEXT NOT NULL,
  config_hash TEXT NOT NULL,
  start TEXT NOT NULL,
  began_at TEXT NOT NULL,
  fleet_size INTEGER NOT NULL,
  partition TEXT NOT NULL,
  shard_by TEXT NOT NULL,
  fleet_hash TEXT,
  first_reading_id INTEGER,
  first_event_id INTEGER,
  zone_data TEXT
);
)sql";

constexpr std::string_view readings_table = "sensor_readings";
constexpr const char* add_synced = "ALTER TABLE sensor_readings ADD COLUMN synced INTEGER DEFAULT 0;";
constexpr const char* add_run_columns_of_version_2 =
    "ALTER TABLE run_info ADD COLUMN fleet_hash TEXT;"
    "ALTER TABLE run_info ADD COLUMN first_reading_id INTEGER;"
    "ALTER TABLE run_info ADD COLUMN first_event_id INTEGER;";
constexpr const char* add_run_columns_of_version_3 = "ALTER TABLE run_info ADD COLUMN zone_data TEXT;";
constexpr const char* create_unsynced_index =
    "CREATE INDEX IF NOT EXISTS sensor_readings_unsynced ON sensor_readings (timestamp) WHERE synced = 0";
constexpr const char* drop_unsynced_index = "DROP INDEX IF EXISTS sensor_readings_unsynced";

constexpr std::string_view insert_run = R"sql(
INSERT OR IGNORE INTO run_info (run_id, seed, version, config, config_hash, start, began_at, fleet_size, partition,
  shard_by, fleet_hash, first_reading_id, first_event_id, zone_data)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,
  max(?12, (SELECT coalesce(max(id), 0) FROM sensor_readings)) + 1,
  max(?13, (SELECT coalesce(max(id), 0) FROM anomaly_events)) + 1,
  nullif(?14, '')))sql";

using Columns = std::vector<std::string>;

std::string_view definition_of(const types::Column& column) {
  using Role = types::Column::Role;
  using Type = types::Column::Type;
  if (column.role == Role::id) return "INTEGER PRIMARY KEY";
  if (column.role == Role::moment || column.role == Role::sensor) return "TEXT NOT NULL";
  if (column.role == Role::mark) return "INTEGER DEFAULT 0";
  return column.type == Type::integer ? "INTEGER" : column.type == Type::real ? "REAL" : "TEXT";
}

std::string create_readings(const types::Schema& schema) {
  std::string sql;
  for (const types::Column& column : schema.columns()) {
    sql += fmt::format("{}\n  {} {}", sql.empty() ? "" : ",", column.name, definition_of(column));
  }
  return fmt::format("CREATE TABLE IF NOT EXISTS sensor_readings ({}\n);", sql);
}

Columns reading_columns(const types::Schema& schema) {
  Columns columns;
  for (const types::Column& column : schema.columns()) columns.push_back(column.name);
  return columns;
}

const Columns& event_columns() {
  static const Columns columns{"id",        "sensor_id",  "anomaly_type", "channel",          "direction",
                               "magnitude", "started_at", "ended_at",     "readings_affected"};
  return columns;
}

const Columns& run_columns() {
  static const Columns columns{
      "run_id",     "seed",      "version",  "config",     "config_hash",      "start",          "began_at",
      "fleet_size", "partition", "shard_by", "fleet_hash", "first_reading_id", "first_event_id", "zone_data"};
  return columns;
}

// Empty when there is nothing of that name. A column that is not what we rely on is followed by what it is:
// an id that is not the row's own number, a `synced` that does not begin as 0, a column of something that is
// no table. A view that stands for the table is what present_as_shard has made.
StorageError read_columns(Database& database, std::string_view table, Columns& columns) {
  constexpr std::string_view sql = R"sql(
SELECT CASE
  WHEN s.is_ours THEN c.name
  WHEN s.type <> 'table' THEN s.type
  WHEN c.name = 'id' AND NOT (c.pk = 1 AND c.type = 'INTEGER' COLLATE NOCASE) THEN 'id that is not an INTEGER PRIMARY KEY'
  WHEN c.name = 'synced' AND c.dflt_value IS NOT '0' THEN 'synced without the default 0'
  ELSE c.name END
FROM (SELECT name, type, 1 AS is_ours FROM temp.sqlite_schema UNION ALL
    SELECT name, type, 0 FROM main.sqlite_schema WHERE name NOT IN (SELECT name FROM temp.sqlite_schema)) AS s
  LEFT JOIN pragma_table_info(s.name) AS c WHERE s.name = ?1 COLLATE NOCASE)sql";
  columns.clear();
  const auto take = [&](const Statement& row) { columns.emplace_back(row.text(0)); };
  return database.query(sql, take, table);
}

StorageError mismatch(const std::string& what) {
  return {SQLITE_MISMATCH, what};
}

// Of a file that was to be written to.
StorageError with_remedy(StorageError error) {
  if (error.code == SQLITE_MISMATCH) error.message += "; move the file away or choose another data directory";
  return error;
}

// The form of a table: ours, ours before its last columns came, before more of them had come, or somebody
// else's.
enum class Form { absent, current, older, oldest, foreign };

// How many columns the older form lacks, and how many the oldest; none where there is no such form.
struct NewerColumns {
  std::size_t than_older = 0;
  std::size_t than_oldest = 0;
};

Form form_of(const Columns& columns, const Columns& ours, NewerColumns newer) {
  const auto lacks = [&](std::size_t count) {
    return count > 0 && std::ranges::equal(columns, std::span(ours).first(ours.size() - count));
  };
  if (columns.empty()) return Form::absent;
  if (columns == ours) return Form::current;
  if (lacks(newer.than_older)) return Form::older;
  return lacks(newer.than_oldest) ? Form::oldest : Form::foreign;
}

// What a shard's tables turned out to be. Before collectors marked rows, readings had no `synced`; before
// sensors had time zones, run_info did not say from which data; before runs could go on, nor where a run's
// rows begin.
struct Forms {
  Form readings = Form::absent;
  Form events = Form::absent;
  Form runs = Form::absent;
};

StorageError verdict_on(std::string_view table, Form form, const Columns& columns) {
  constexpr std::size_t most_named = 20;
  if (form != Form::foreign) return {};
  const std::size_t named = std::min(columns.size(), most_named);
  return mismatch(fmt::format(
      "has a table {} with different columns: {}{}", table,
      printable(fmt::format(
          "{}", fmt::join(columns.begin(), columns.begin() + static_cast<std::ptrdiff_t>(named), ", "))),
      named < columns.size() ? ", …" : ""));
}

StorageError judge_table(Database& database, std::string_view table, const Columns& ours, NewerColumns newer,
                         Form& form) {
  Columns columns;
  if (StorageError error = read_columns(database, table, columns); !error.ok()) return error;
  form = form_of(columns, ours, newer);
  return verdict_on(table, form, columns);
}

// The schema whose channels stand between the columns of every type; nothing when they cannot be channels.
std::optional<types::Schema> schema_of(const Columns& columns) {
  const std::size_t before = types::Schema::leading_columns().size();
  const auto first = columns.begin() + static_cast<std::ptrdiff_t>(std::min(before, columns.size()));
  const auto last = std::find(first, columns.end(), types::Schema::trailing_columns().front().name);
  std::vector<types::ChannelColumn> channels;
  for (auto column = first; column != last; ++column) channels.push_back({.name = *column, .unit = {}});
  if (!types::Schema::problem_of(channels).empty()) return std::nullopt;
  return types::Schema({}, std::move(channels));
}

// What is known of these channels beside their names.
types::Schema with_what_is_known(types::Schema schema) {
  const types::Schema& built_in = types::built_in_type().schema;
  return std::ranges::equal(schema.channels(), built_in.channels(), {}, &types::ChannelColumn::name,
                            &types::ChannelColumn::name)
             ? built_in
             : schema;
}

// Of a file that may have any channels.
StorageError judge_readings(Database& database, std::optional<types::Schema>& schema, Form& form) {
  Columns columns;
  if (StorageError error = read_columns(database, readings_table, columns); !error.ok()) return error;
  schema = schema_of(columns);
  form = schema ? form_of(columns, reading_columns(*schema), {1, 0}) : Form::foreign;
  return verdict_on(readings_table, form, columns);
}

StorageError judge_version(Database& database) {
  constexpr std::int64_t unreadable = std::numeric_limits<std::int64_t>::min();
  const std::int64_t version = database.query_integer("PRAGMA user_version", unreadable);
  if (version == unreadable) return database.error();
  if (version >= 0 && version <= schema_version) return {};
  return mismatch(fmt::format("{} (schema version {}, this version reads up to {})",
                              version > 0 ? "is from a newer fleet-sim" : "is not a fleet-sim file", version,
                              schema_version));
}

// The type of sensor whose readings a central database has in this table.
std::string_view table_type(std::string_view table) {
  if (table == readings_table) return types::built_in_type().schema.type();
  return table.substr(readings_table.size() + 1);
}

constexpr std::string_view everything = "1";  // as a condition

// An event belongs to the readings of its sensor in its run, to those of the first table where several have
// some, and also where none has any; so each goes with one.
std::string events_beside(std::string_view table, const Columns& tables) {
  const auto has_readings = [](std::string_view in) {
    return fmt::format(
        "EXISTS (SELECT 1 FROM main.{} AS r WHERE r.run_id = anomaly_events.run_id AND r.sensor_id = "
        "anomaly_events.sensor_id)",
        in);
  };
  if (tables.size() == 1) return std::string(everything);
  const bool is_first = table == tables.front();
  std::string in_no_other{everything};
  for (const std::string& other : tables) {
    if (other == table && is_first) continue;
    if (other == table) break;
    in_no_other += fmt::format(" AND NOT {}", has_readings(other));
  }
  return fmt::format("{} {} {}", has_readings(table), is_first ? "OR" : "AND", in_no_other);
}

bool has_all(const Columns& columns, const Columns& wanted) {
  return std::ranges::all_of(
      wanted, [&](const std::string& name) { return std::ranges::find(columns, name) != columns.end(); });
}

// As a shard has the table; rows that a collector moved have no id of their own, and nobody will collect
// them.
std::string view_as(std::string_view view, const Columns& shape, std::string_view table,
                    const Columns& columns, const std::string& condition) {
  std::string selected;
  for (const std::string& name : shape) {
    if (!selected.empty()) selected += ", ";
    if (std::ranges::find(columns, name) != columns.end()) {
      selected += name;
    } else {
      selected += name == "id" ? "rowid AS id" : "1 AS " + name;
    }
  }
  return fmt::format("CREATE TEMP VIEW {} AS SELECT {} FROM main.{} WHERE {};", view, selected, table,
                     condition);
}

std::string empty_view_as(std::string_view table, const Columns& shape) {
  std::string selected;
  for (const std::string& name : shape)
    selected += fmt::format("{}NULL AS {}", selected.empty() ? "" : ", ", name);
  return fmt::format("CREATE TEMP VIEW {} AS SELECT {} WHERE 0;", table, selected);
}

// A table beside the readings, which may have columns of the collector's.
StorageError view_of_other(Database& database, std::string_view table, const Columns& shape,
                           const std::string& condition, std::string& views) {
  Columns columns;
  if (StorageError error = read_columns(database, table, columns); !error.ok()) return error;
  if (columns.empty() || (columns == shape && condition == everything)) return {};
  Columns wanted = shape;
  std::erase(wanted, "id");
  if (condition != everything) wanted.emplace_back("run_id");
  views += has_all(columns, wanted) ? view_as(table, shape, table, columns, condition)
                                    : empty_view_as(table, shape);
  return {};
}

// With the readings of `schema`, or of any channels, which then are found there.
StorageError judge_tables(Database& database, std::optional<types::Schema>& schema, Forms& forms) {
  StorageError error = judge_version(database);
  if (error.ok()) {
    error = schema ? judge_table(database, readings_table, reading_columns(*schema), {1, 0}, forms.readings)
                   : judge_readings(database, schema, forms.readings);
  }
  if (error.ok()) error = judge_table(database, "anomaly_events", event_columns(), {}, forms.events);
  if (error.ok()) error = judge_table(database, "run_info", run_columns(), {1, 4}, forms.runs);
  Form sensors = Form::absent;  // made when it is first needed
  if (error.ok()) error = judge_table(database, "sensors", sensor_columns(), {}, sensors);
  if (!error.ok()) return error;
  if (forms.readings == Form::absent && database.query_integer("SELECT count(*) FROM sqlite_schema", 0) > 0) {
    return mismatch("has tables, but no sensor_readings");
  }
  return {};
}

std::string synchronous_pragma(config::Synchronous synchronous) {
  constexpr std::array<const char*, 3> modes{"OFF", "NORMAL", "FULL"};
  return fmt::format("PRAGMA synchronous = {}", modes[static_cast<std::size_t>(synchronous)]);
}

// The connection's settings, and a write-ahead log for the file. One that keeps none, because it is new or
// was finished by a run, is not worth waiting for the disk: what changes is its header. Nor is that worth a
// rollback journal, a file to make and to remove again.
StorageError set_up(Database& database, const config::SqliteSettings& settings) {
  const bool has_log = database.keeps_log();
  // The page size takes effect only while the file is empty, and before WAL.
  const std::string pragmas = fmt::format(
      "{}; {}PRAGMA page_size = {}; PRAGMA journal_mode = WAL; PRAGMA cache_size = -{}; PRAGMA "
      "wal_autocheckpoint = {}",
      synchronous_pragma(has_log ? settings.synchronous : config::Synchronous::off),
      has_log ? "" : "PRAGMA journal_mode = MEMORY; ", settings.page_size, settings.cache_kib,
      settings.checkpoint_pages);
  return database.execute(pragmas.c_str());
}

// What `steps` does, whole or not at all.
template <class Steps>
StorageError transact(Database& database, const char* begin, Steps steps) {
  if (StorageError error = database.execute(begin); !error.ok()) return error;
  StorageError error = steps();
  if (error.ok()) error = database.execute("COMMIT");
  if (!error.ok() && database.in_transaction()) database.execute("ROLLBACK");
  return error;
}

// Looks at one state of the file, even while another process makes its tables.
StorageError judge(Database& database, std::optional<types::Schema>& schema, Forms& forms) {
  return transact(database, "BEGIN", [&] { return judge_tables(database, schema, forms); });
}

// Judges again under the write lock: another process may have been here in between.
StorageError create_or_migrate(Database& database, const config::SqliteSettings& settings,
                               std::optional<types::Schema>& schema) {
  return transact(database, "BEGIN IMMEDIATE", [&] {
    Forms forms;
    if (StorageError error = judge_tables(database, schema, forms); !error.ok()) return error;
    std::string steps;
    if (forms.readings == Form::older) steps += add_synced;
    if (forms.runs == Form::oldest) steps += add_run_columns_of_version_2;
    if (forms.runs == Form::oldest || forms.runs == Form::older) steps += add_run_columns_of_version_3;
    steps += create_readings(*schema);
    steps += create_other_tables;
    steps += settings.unsynced_index ? create_unsynced_index : drop_unsynced_index;
    steps += fmt::format("; PRAGMA user_version = {}", schema_version);
    StorageError error = database.execute(steps.c_str());
    return error.ok() ? record_channels(database, *schema) : error;
  });
}

// Whether everything create_or_migrate would make is there already, so that opening a shard again writes
// nothing.
bool is_complete(Database& database, const config::SqliteSettings& settings, const types::Schema& schema) {
  const std::int64_t objects = database.query_integer(
      "SELECT count(*) FROM sqlite_schema WHERE name IN "
      "('sensor_readings', 'anomaly_events', 'anomaly_events_open', 'run_info')",
      0);
  const std::int64_t indexes =
      database.query_integer("SELECT count(*) FROM sqlite_schema WHERE name = 'sensor_readings_unsynced'", 0);
  types::Schema recorded({}, {schema.channels().begin(), schema.channels().end()});
  return objects == 4 && read_channels(database, recorded).ok() && recorded == schema &&
         (indexes == 1) == settings.unsynced_index &&
         database.query_integer("PRAGMA user_version", 0) == schema_version;
}

}  // namespace

StorageError check_schema(Database& database, const types::Schema& schema) {
  std::optional<types::Schema> ours = schema;
  Forms forms;
  return with_remedy(judge(database, ours, forms));
}

StorageError check_schema(Database& database) {
  std::optional<types::Schema> any;
  Forms forms;
  return judge(database, any, forms);
}

StorageError read_schema(Database& database, types::Schema& schema) {
  std::optional<types::Schema> found;
  Forms forms;
  if (StorageError error = judge(database, found, forms); !error.ok()) return error;
  schema = with_what_is_known(std::move(*found));
  return read_channels(database, schema);
}

StorageError find_central_readings(Database& database, std::vector<std::string>& tables) {
  // Of a name that SQL takes as it stands.
  constexpr std::string_view sql = R"sql(
SELECT s.name FROM main.sqlite_schema AS s
WHERE s.type = 'table' AND (s.name = ?1 OR s.name GLOB ?1 || '_*') AND s.name NOT GLOB '*[^A-Za-z0-9_]*'
  AND (SELECT c.name FROM pragma_table_info(s.name) AS c WHERE c.cid = 0) = 'run_id'
ORDER BY s.name)sql";
  tables.clear();
  const auto take = [&](const Statement& row) { tables.emplace_back(row.text(0)); };
  return database.query(sql, take, readings_table);
}

StorageError present_as_shard(Database& database, std::string_view table) {
  Columns tables;
  if (StorageError error = find_central_readings(database, tables); !error.ok()) return error;
  if (std::ranges::find(tables, table) == tables.end()) return {};
  Columns columns;
  if (StorageError error = read_columns(database, table, columns); !error.ok()) return error;
  Columns as_in_shard{"id"};
  as_in_shard.insert(as_in_shard.end(), columns.begin() + 1, columns.end());
  const std::string& mark = types::Schema::trailing_columns().back().name;
  if (std::ranges::find(columns, mark) == columns.end()) as_in_shard.push_back(mark);
  const std::optional<types::Schema> schema = schema_of(as_in_shard);
  if (!schema || as_in_shard != reading_columns(*schema)) return {};
  std::string views = view_as(readings_table, as_in_shard, table, columns, std::string(everything));
  StorageError error =
      view_of_other(database, "anomaly_events", event_columns(), events_beside(table, tables), views);
  if (error.ok()) error = view_of_other(database, "run_info", run_columns(), std::string(everything), views);
  if (!error.ok()) return error;
  if (database.has_table("channel_info")) views += channels_view(table_type(table));
  views = "PRAGMA query_only = OFF; PRAGMA temp_store = MEMORY; " + views + "PRAGMA query_only = ON";
  return database.execute(views.c_str());
}

StorageError prepare_schema(Database& database, const config::SqliteSettings& settings,
                            const types::Schema& schema) {
  std::optional<types::Schema> ours = schema;
  Forms forms;
  if (StorageError error = judge(database, ours, forms); !error.ok()) return with_remedy(error);
  // Before anything is changed: a file whose newest rows cannot be read is kept as it is.
  if (forms.readings == Form::current && forms.events == Form::current) {
    LastIds ids;
    if (StorageError error = read_last_ids(database, ids); !error.ok()) return error;
  }
  // Until the first checkpoint, which waits for the disk, a power failure may destroy a new file or its log,
  // or tear its first page; the next run reports that. With thousands of shards, waiting here would take most
  // of the run.
  if (StorageError error = set_up(database, settings); !error.ok()) return error;
  if (forms.readings != Form::current || !is_complete(database, settings, *ours)) {
    if (StorageError error = create_or_migrate(database, settings, ours); !error.ok())
      return with_remedy(error);
  }
  return database.execute(synchronous_pragma(settings.synchronous).c_str());
}

StorageError prepare_connection(Database& database, const config::SqliteSettings& settings) {
  if (StorageError error = set_up(database, settings); !error.ok()) return error;
  return database.execute(synchronous_pragma(settings.synchronous).c_str());
}

StorageError read_last_ids(Database& database, LastIds& ids) {
  Statement row;
  StorageError error = database.prepare(
      "SELECT (SELECT max(id) FROM sensor_readings), (SELECT max(id) FROM anomaly_events)", row);
  if (!error.ok()) return error;
  if (row.step() != SQLITE_ROW) return database.error();
  ids = {row.integer(0), row.integer(1)};
  return {};
}

StorageError record_run(Database& database, const RunInfo& run, const LastIds& last) {
  return database.run(insert_run, run.run_id, static_cast<std::int64_t>(run.seed), run.version, run.config,
                      run.config_hash, timestamp_text(run.start), timestamp_text(run.began_at),
                      static_cast<std::int64_t>(run.fleet_size), run.partition, run.shard_by, run.fleet_hash,
                      last.reading, last.event, run.zone_data);
}

}  // namespace fleet_sim::tables
