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
#include "tables/deliveries.h"
#include "tables/layout.h"
#include "tables/sensors.h"
#include "types/built_in_type.h"

namespace fleet_sim::tables {
namespace {

// A column of a table that is the same for every type of sensor.
struct ColumnRow {
  std::string_view name;
  std::string_view definition;
};

// Newer ones follow older ones.
constexpr std::array event_column_rows{
    ColumnRow{"id", "INTEGER PRIMARY KEY"},
    ColumnRow{"sensor_id", "TEXT NOT NULL"},
    ColumnRow{"anomaly_type", "TEXT NOT NULL"},
    ColumnRow{"channel", "TEXT"},
    ColumnRow{"direction", "INTEGER"},
    ColumnRow{"magnitude", "REAL"},
    ColumnRow{"started_at", "TEXT NOT NULL"},
    ColumnRow{"ended_at", "TEXT"},
    ColumnRow{"readings_affected", "INTEGER NOT NULL"},
    ColumnRow{"severity", "REAL"},
    ColumnRow{"sigma", "REAL"},
    ColumnRow{"cause", "TEXT NOT NULL DEFAULT 'drawn'"},
    ColumnRow{"scenario", "TEXT"},
    ColumnRow{"fails_at", "TEXT"},
};
constexpr std::array run_column_rows{
    ColumnRow{"run_id", "TEXT PRIMARY KEY"},
    ColumnRow{"seed", "INTEGER NOT NULL"},
    ColumnRow{"version", "TEXT NOT NULL"},
    ColumnRow{"config", "TEXT NOT NULL"},
    ColumnRow{"config_hash", "TEXT NOT NULL"},
    ColumnRow{"start", "TEXT NOT NULL"},
    ColumnRow{"began_at", "TEXT NOT NULL"},
    ColumnRow{"fleet_size", "INTEGER NOT NULL"},
    ColumnRow{"partition", "TEXT NOT NULL"},
    ColumnRow{"shard_by", "TEXT NOT NULL"},
    ColumnRow{"fleet_hash", "TEXT"},
    ColumnRow{"first_reading_id", "INTEGER"},
    ColumnRow{"first_event_id", "INTEGER"},
    ColumnRow{"zone_data", "TEXT"},
    ColumnRow{"spread", "TEXT"},
};

// How many of its last columns a table lacks in files of earlier versions. Before collectors marked rows,
// readings had no `synced`; before anomalies had severities, events did not say what they count in, nor runs;
// before sensors had time zones, run_info did not say from which data; before runs could go on, nor where a
// run's rows begin.
constexpr std::array<std::size_t, 1> readings_lacked{1};
constexpr std::array<std::size_t, 2> delivered_readings_lacked{3, 4};  // beside the columns of delivery
constexpr std::array<std::size_t, 1> events_lacked{5};
constexpr std::array<std::size_t, 3> runs_lacked{1, 2, 5};

constexpr std::string_view events_table = "anomaly_events";
constexpr const char* index_open_events =
    "CREATE INDEX IF NOT EXISTS anomaly_events_open ON anomaly_events (sensor_id) WHERE ended_at IS NULL;";
constexpr const char* note_injected =
    "UPDATE anomaly_events SET cause = 'injected' WHERE id IN (SELECT event_id FROM injected_anomalies);"
    "ALTER TABLE injected_anomalies ADD COLUMN duration INTEGER;";
constexpr std::string_view create_unsynced_index =
    "CREATE INDEX IF NOT EXISTS sensor_readings_unsynced ON {} (timestamp) WHERE synced = 0";
constexpr std::string_view drop_unsynced_index = "DROP INDEX IF EXISTS sensor_readings_unsynced";

constexpr std::string_view insert_run = R"sql(
INSERT OR IGNORE INTO run_info (run_id, seed, version, config, config_hash, start, began_at, fleet_size, partition,
  shard_by, fleet_hash, first_reading_id, first_event_id, zone_data, spread)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,
  max(?12, (SELECT coalesce(max(id), 0) FROM sensor_readings)) + 1,
  max(?13, (SELECT coalesce(max(id), 0) FROM anomaly_events)) + 1,
  nullif(?14, ''), nullif(?15, '')))sql";

using Columns = std::vector<std::string>;

template <class Named>
Columns names_of(std::span<const Named> all) {
  Columns names;
  for (const Named& one : all) names.emplace_back(one.name);
  return names;
}

Columns reading_columns(const types::Schema& schema) {
  return names_of(schema.columns());
}

std::string create_fixed_table(std::string_view table, std::span<const ColumnRow> rows) {
  std::string columns;
  for (const ColumnRow& row : rows)
    columns += fmt::format("{}\n  {} {}", columns.empty() ? "" : ",", row.name, row.definition);
  return fmt::format("CREATE TABLE IF NOT EXISTS {} ({}\n);", table, columns);
}

// To a table that lacks the last `count` of its columns.
std::string add_columns(std::string_view table, std::span<const ColumnRow> rows, std::size_t count) {
  std::string sql;
  for (const ColumnRow& row : rows.last(count))
    sql += fmt::format("ALTER TABLE {} ADD COLUMN {} {};", table, row.name, row.definition);
  return sql;
}

const Columns& event_columns() {
  static const Columns columns = names_of(std::span<const ColumnRow>(event_column_rows));
  return columns;
}

const Columns& run_columns() {
  static const Columns columns = names_of(std::span<const ColumnRow>(run_column_rows));
  return columns;
}

// Reads which columns tables have, those of any number of tables with one statement. Borrows the connection.
class TableColumns {
 public:
  explicit TableColumns(Database& database) : database_(database) {}

  // Empty when there is nothing of that name. A column that is not what we rely on is followed by what it is:
  // an id that is not the row's own number, a `synced` that does not begin as 0, a column of something that
  // is no table. A view that stands for the table is what present_as_shard has made.
  StorageError read(std::string_view table, Columns& columns) {
    columns.clear();
    if (!row_.is_prepared()) {
      if (StorageError error = database_.prepare(sql, row_); !error.ok()) return error;
    }
    row_.bind(1, table);
    int code = SQLITE_OK;
    while ((code = row_.step()) == SQLITE_ROW) columns.emplace_back(row_.text(0));
    StorageError error = database_.error_of(code);
    row_.reset();
    return error;
  }

 private:
  static constexpr std::string_view sql = R"sql(
SELECT CASE
  WHEN s.is_ours THEN c.name
  WHEN s.type <> 'table' THEN s.type
  WHEN c.name = 'id' AND NOT (c.pk = 1 AND c.type = 'INTEGER' COLLATE NOCASE) THEN 'id that is not an INTEGER PRIMARY KEY'
  WHEN c.name = 'synced' AND c.dflt_value IS NOT '0' THEN 'synced without the default 0'
  ELSE c.name END
FROM (SELECT name, type, 1 AS is_ours FROM temp.sqlite_schema UNION ALL
    SELECT name, type, 0 FROM main.sqlite_schema WHERE name NOT IN (SELECT name FROM temp.sqlite_schema)) AS s
  LEFT JOIN pragma_table_info(s.name) AS c WHERE s.name = ?1 COLLATE NOCASE)sql";

  Database& database_;
  Statement row_;
};

StorageError read_columns(Database& database, std::string_view table, Columns& columns) {
  return TableColumns(database).read(table, columns);
}

StorageError mismatch(const std::string& what) {
  return {SQLITE_MISMATCH, what};
}

// Of a file that was to be written to.
StorageError with_remedy(StorageError error) {
  if (error.code == SQLITE_MISMATCH) error.message += "; move the file away or choose another data directory";
  return error;
}

// The form of a table: ours, perhaps before its last columns came, or somebody else's.
struct Form {
  enum class Kind { absent, ours, foreign } kind = Kind::absent;
  std::size_t lacks = 0;  // so many of our columns

  [[nodiscard]] bool is_absent() const { return kind == Kind::absent; }
  [[nodiscard]] bool is_current() const { return kind == Kind::ours && lacks == 0; }
};

Form form_of(const Columns& columns, const Columns& ours, std::span<const std::size_t> lacked) {
  using Kind = Form::Kind;
  if (columns.empty()) return {Kind::absent};
  if (columns == ours) return {Kind::ours};
  for (const std::size_t count : lacked) {
    if (std::ranges::equal(columns, std::span(ours).first(ours.size() - count))) return {Kind::ours, count};
  }
  return {Kind::foreign};
}

// What a shard's tables turned out to be.
struct Forms {
  Form readings;
  std::optional<config::Layout> layout;  // nothing where there are no readings
  Form events;
  Form runs;
};

StorageError verdict_on(std::string_view table, Form form, const Columns& columns) {
  constexpr std::size_t most_named = 20;
  if (form.kind != Form::Kind::foreign) return {};
  const std::size_t named = std::min(columns.size(), most_named);
  return mismatch(fmt::format(
      "has a table {} with different columns: {}{}", table,
      printable(fmt::format(
          "{}", fmt::join(columns.begin(), columns.begin() + static_cast<std::ptrdiff_t>(named), ", "))),
      named < columns.size() ? ", …" : ""));
}

StorageError judge_table(TableColumns& tables, std::string_view table, const Columns& ours,
                         std::span<const std::size_t> lacked, Form& form) {
  Columns columns;
  if (StorageError error = tables.read(table, columns); !error.ok()) return error;
  form = form_of(columns, ours, lacked);
  return verdict_on(table, form, columns);
}

// The schema whose channels stand between the columns of every type; nothing when they cannot be channels.
std::optional<types::Schema> schema_of(const Columns& columns) {
  const std::size_t before = types::Schema::leading_columns().size();
  const auto first = columns.begin() + static_cast<std::ptrdiff_t>(std::min(before, columns.size()));
  const auto is_behind = [](const std::string& name) {
    return std::ranges::find(types::Schema::trailing_columns(), name, &types::Column::name) !=
           types::Schema::trailing_columns().end();
  };
  const auto last = std::find_if(first, columns.end(), is_behind);
  std::vector<types::ChannelColumn> channels;
  for (auto column = first; column != last; ++column) channels.push_back({.name = *column, .unit = {}});
  if (!types::Schema::problem_of(channels).empty()) return std::nullopt;
  types::Schema schema({}, std::move(channels));
  const std::string& newest = types::Schema::delivery_columns().back().name;
  return schema.with_delivery(!columns.empty() && columns.back() == newest);
}

// What is known of these channels beside their names.
types::Schema with_what_is_known(types::Schema schema) {
  const types::Schema& built_in = types::built_in_type().schema;
  return std::ranges::equal(schema.channels(), built_in.channels(), {}, &types::ChannelColumn::name,
                            &types::ChannelColumn::name)
             ? built_in.with_delivery(schema.has_delivery())
             : schema;
}

// A table that has the columns of delivery takes rows without them too, but not the other way round.
Form form_of_readings(const Columns& columns, const types::Schema& schema) {
  if (schema.has_delivery()) return form_of(columns, reading_columns(schema), delivered_readings_lacked);
  if (columns == reading_columns(schema.with_delivery())) return {Form::Kind::ours};
  return form_of(columns, reading_columns(schema), readings_lacked);
}

// Those that the view of a compact file shows, if it is the one that we make for the rows that are there.
StorageError read_shown_columns(Database& database, TableColumns& tables, Columns& columns) {
  Columns stored;
  if (StorageError error = tables.read(rows_table(config::Layout::compact), stored); !error.ok())
    return error;
  const std::optional<types::Schema> schema = schema_of(stored);
  StorageError error;
  bool is_ours = false;
  if (schema) {
    const std::vector<types::Column> ours = stored_columns(*schema, config::Layout::compact);
    is_ours = stored == names_of(std::span(ours));
  }
  if (is_ours) error = has_view_of(database, *schema, is_ours);
  columns = is_ours ? reading_columns(*schema) : Columns{"view"};
  return error;
}

// Of a file with readings of this schema, or of any channels, which then are found there.
StorageError judge_readings(Database& database, TableColumns& tables, std::optional<types::Schema>& schema,
                            Forms& forms) {
  StorageError error = find_layout(database, forms.layout);
  Columns columns;
  if (error.ok()) {
    error = forms.layout == config::Layout::compact ? read_shown_columns(database, tables, columns)
                                                    : tables.read(readings_name, columns);
  }
  if (!error.ok()) return error;
  if (!schema) schema = schema_of(columns);
  forms.readings = schema ? form_of_readings(columns, *schema) : Form{Form::Kind::foreign};
  return verdict_on(readings_name, forms.readings, columns);
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
  if (table == readings_name) return types::built_in_type().schema.type();
  return table.substr(readings_name.size() + 1);
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

std::string injected_if(std::string_view condition) {
  return fmt::format("CASE WHEN {} THEN 'injected' ELSE 'drawn' END", condition);
}

// What a row says in a column that its table does not have yet. Rows that a collector moved have no id of
// their own, and nobody will collect them.
std::string instead_of(std::string_view column, const Columns& columns, bool marks_injected) {
  if (column == "id") return "rowid";
  if (column == "synced") return "1";
  if (column != "cause") return "NULL";
  if (std::ranges::find(columns, "injected") != columns.end()) return injected_if("injected");
  return marks_injected ? injected_if("id IN (SELECT event_id FROM main.injected_anomalies)") : "'drawn'";
}

// As a shard of now has the table.
std::string view_as(std::string_view view, const Columns& shape, std::string_view table,
                    const Columns& columns, const std::string& condition, bool marks_injected = false) {
  std::string selected;
  for (const std::string& name : shape) {
    if (!selected.empty()) selected += ", ";
    if (std::ranges::find(columns, name) != columns.end()) {
      selected += name;
    } else {
      selected += fmt::format("{} AS {}", instead_of(name, columns, marks_injected), name);
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

// A table beside the readings, which may have columns of the collector's and lack the newest of ours.
StorageError view_of_other(Database& database, std::string_view table, const Columns& shape,
                           std::span<const std::size_t> lacked, const std::string& condition,
                           std::string& views) {
  Columns columns;
  if (StorageError error = read_columns(database, table, columns); !error.ok()) return error;
  if (columns.empty() || (columns == shape && condition == everything)) return {};
  const std::size_t oldest = shape.size() - *std::ranges::max_element(lacked);
  Columns wanted(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(oldest));
  std::erase(wanted, "id");
  if (condition != everything) wanted.emplace_back("run_id");
  views += has_all(columns, wanted) ? view_as(table, shape, table, columns, condition)
                                    : empty_view_as(table, shape);
  return {};
}

StorageError create_views(Database& database, const std::string& views) {
  return database.execute(
      ("PRAGMA query_only = OFF; PRAGMA temp_store = MEMORY; " + views + "PRAGMA query_only = ON").c_str());
}

// Lets a connection to a shard of an earlier version see its events as those of now.
StorageError present_events(Database& database) {
  if (database.query_integer("PRAGMA user_version", schema_version) >= schema_version) return {};
  Columns columns;
  if (StorageError error = read_columns(database, events_table, columns); !error.ok()) return error;
  if (form_of(columns, event_columns(), events_lacked).lacks == 0) return {};
  const bool marks_injected = database.has_table("injected_anomalies");
  return create_views(database, view_as(events_table, event_columns(), events_table, columns,
                                        std::string(everything), marks_injected));
}

// With the readings of `schema`, or of any channels, which then are found there.
StorageError judge_tables(Database& database, std::optional<types::Schema>& schema, Forms& forms) {
  TableColumns tables(database);
  StorageError error = judge_version(database);
  if (error.ok()) error = judge_readings(database, tables, schema, forms);
  if (error.ok()) error = judge_table(tables, events_table, event_columns(), events_lacked, forms.events);
  if (error.ok()) error = judge_table(tables, "run_info", run_columns(), runs_lacked, forms.runs);
  Form sensors;  // made when it is first needed
  if (error.ok()) error = judge_table(tables, "sensors", sensor_columns(), {}, sensors);
  if (!error.ok()) return error;
  if (forms.readings.is_absent() && database.query_integer("SELECT count(*) FROM sqlite_schema", 0) > 0) {
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
// rollback journal, a file to make and to remove again. While nobody waits for the disk, SQLite must not copy
// the log: its pages would be written over before those of the file are safe.
StorageError set_up(Database& database, const config::SqliteSettings& settings) {
  bool has_log = false;
  if (StorageError error = database.find_log(has_log); !error.ok()) return error;
  // The page size takes effect only while the file is empty, and before WAL.
  const std::string begin_log =
      has_log
          ? ""
          : fmt::format("PRAGMA journal_mode = MEMORY; PRAGMA page_size = {}; PRAGMA journal_mode = WAL; ",
                        settings.page_size.value_or(config::usual_page_size));
  const std::string pragmas =
      fmt::format("PRAGMA wal_autocheckpoint = 0; {}; {}PRAGMA cache_size = -{}",
                  synchronous_pragma(has_log ? settings.synchronous : config::Synchronous::off), begin_log,
                  settings.cache_kib);
  return database.execute(pragmas.c_str());
}

// Once it is set up: for the disk, and with checkpoints of its own.
StorageError wait_as_set(Database& database, const config::SqliteSettings& settings) {
  const std::string pragmas =
      fmt::format("{}; PRAGMA wal_autocheckpoint = {}", synchronous_pragma(settings.synchronous),
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
    const config::Layout layout = forms.layout.value_or(settings.layout);
    std::string steps = forms.layout ? extend_readings(*schema, layout, forms.readings.lacks)
                                     : create_readings(*schema, layout);
    steps += add_columns(events_table, event_column_rows, forms.events.lacks);
    steps += add_columns("run_info", run_column_rows, forms.runs.lacks);
    if (forms.events.lacks > 0 && database.has_table("injected_anomalies")) steps += note_injected;
    steps += create_fixed_table(events_table, event_column_rows);
    steps += index_open_events;
    if (schema->has_delivery()) steps += create_deliveries;
    steps += create_fixed_table("run_info", run_column_rows);
    steps += settings.unsynced_index ? fmt::format(create_unsynced_index, rows_table(layout))
                                     : std::string(drop_unsynced_index);
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
  if (schema.has_delivery() && !database.has_table(deliveries_table)) return false;
  types::Schema recorded({}, {schema.channels().begin(), schema.channels().end()});
  return objects == 4 && read_channels(database, recorded).ok() && recorded == schema &&
         (indexes == 1) == settings.unsynced_index &&
         database.query_integer("PRAGMA user_version", 0) == schema_version;
}

StorageError read_ids(Database& database, std::string_view sql, LastIds& ids) {
  Statement row;
  if (StorageError error = database.prepare(sql, row); !error.ok()) return error;
  if (row.step() != SQLITE_ROW) return database.error();
  ids = {row.integer(0), row.integer(1)};
  return {};
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
  tables.clear();
  // Of most files no more has to be known, and to ask for the columns of a table takes much longer.
  constexpr std::string_view may_be_central =
      "SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name LIKE ?1 || '%' AND sql LIKE '%run_id%'";
  bool may_be = false;
  StorageError error = database.query(
      may_be_central, [&](const Statement&) { may_be = true; }, readings_name);
  if (!error.ok() || !may_be) return error;
  // Of a name that SQL takes as it stands.
  constexpr std::string_view sql = R"sql(
SELECT s.name FROM main.sqlite_schema AS s
WHERE s.type = 'table' AND (s.name = ?1 OR s.name GLOB ?1 || '_*') AND s.name NOT GLOB '*[^A-Za-z0-9_]*'
  AND (SELECT c.name FROM pragma_table_info(s.name, 'main') AS c WHERE c.cid = 0) = 'run_id'
ORDER BY s.name)sql";
  const auto take = [&](const Statement& row) { tables.emplace_back(row.text(0)); };
  return database.query(sql, take, readings_name);
}

StorageError present_as_shard(Database& database, std::string_view table) {
  Columns tables;
  if (StorageError error = find_central_readings(database, tables); !error.ok()) return error;
  if (tables.empty()) return present_events(database);
  if (std::ranges::find(tables, table) == tables.end()) return {};
  Columns columns;
  if (StorageError error = read_columns(database, table, columns); !error.ok()) return error;
  Columns as_in_shard{"id"};
  as_in_shard.insert(as_in_shard.end(), columns.begin() + 1, columns.end());
  const std::string& mark = types::Schema::trailing_columns().back().name;
  if (std::ranges::find(columns, mark) == columns.end()) {
    const std::string& first_behind = types::Schema::delivery_columns().front().name;
    as_in_shard.insert(std::ranges::find(as_in_shard, first_behind), mark);
  }
  const std::optional<types::Schema> schema = schema_of(as_in_shard);
  if (!schema || as_in_shard != reading_columns(*schema)) return {};
  std::string views = view_as(readings_name, as_in_shard, table, columns, std::string(everything));
  StorageError error = view_of_other(database, events_table, event_columns(), events_lacked,
                                     events_beside(table, tables), views);
  if (error.ok()) {
    error = view_of_other(database, "run_info", run_columns(), runs_lacked, std::string(everything), views);
  }
  if (!error.ok()) return error;
  if (database.has_table("channel_info")) views += channels_view(table_type(table));
  return create_views(database, views);
}

StorageError prepare_schema(Database& database, const config::SqliteSettings& settings,
                            const types::Schema& schema) {
  std::optional<types::Schema> ours = schema;
  Forms forms;
  if (StorageError error = judge(database, ours, forms); !error.ok()) return with_remedy(error);
  // Before anything is changed: a file whose newest rows cannot be read is kept as it is.
  if (!forms.readings.is_absent() && !forms.events.is_absent()) {
    LastIds ids;
    if (StorageError error = read_last_ids(database, ids); !error.ok()) return error;
  }
  // Until the first checkpoint, which waits for the disk, a power failure may destroy a new file or its log,
  // or tear its first page; the next run reports that. With thousands of shards, waiting here would take most
  // of the run.
  if (StorageError error = set_up(database, settings); !error.ok()) return error;
  if (!forms.readings.is_current() || !is_complete(database, settings, *ours)) {
    if (StorageError error = create_or_migrate(database, settings, ours); !error.ok())
      return with_remedy(error);
  }
  return wait_as_set(database, settings);
}

StorageError prepare_nameless(Database& database, const config::SqliteSettings& settings,
                              const types::Schema& schema) {
  const std::string pragmas = fmt::format(
      "PRAGMA locking_mode = EXCLUSIVE; PRAGMA page_size = {}; PRAGMA journal_mode = MEMORY; PRAGMA "
      "synchronous = OFF; PRAGMA cache_size = -{}",
      settings.page_size.value_or(config::usual_page_size), settings.cache_kib);
  if (StorageError error = database.execute(pragmas.c_str()); !error.ok()) return error;
  std::optional<types::Schema> ours = schema;
  return create_or_migrate(database, settings, ours);
}

StorageError prepare_connection(Database& database, const config::SqliteSettings& settings) {
  if (StorageError error = set_up(database, settings); !error.ok()) return error;
  return wait_as_set(database, settings);
}

// SQLite waits for the disk when a log begins, because frames of an earlier one may lie behind. In a new log
// there are none, and where thousands of files begin theirs at once, those waits would take most of the time.
StorageError begin_log(Database& database, config::Synchronous synchronous) {
  const bool is_waited_for = synchronous == config::Synchronous::full;
  if (is_waited_for) return database.execute("BEGIN IMMEDIATE");
  StorageError error = wait_for_disk(database, config::Synchronous::off);
  if (error.ok()) error = database.execute("BEGIN IMMEDIATE");
  if (!error.ok() || database.has_empty_log()) return error;
  // Somebody has written to it meanwhile.
  database.execute("ROLLBACK");
  error = wait_for_disk(database, synchronous);
  return error.ok() ? database.execute("BEGIN IMMEDIATE") : error;
}

StorageError wait_for_disk(Database& database, config::Synchronous synchronous) {
  return database.execute(synchronous_pragma(synchronous).c_str());
}

// A transaction that changes nothing would not reach the log.
StorageError commit_nothing(Database& database) {
  return database.execute(fmt::format("PRAGMA user_version = {}", schema_version).c_str());
}

StorageError read_last_ids(Database& database, LastIds& ids) {
  return read_ids(database,
                  "SELECT (SELECT max(id) FROM sensor_readings), (SELECT max(id) FROM anomaly_events)", ids);
}

StorageError read_ids_before_runs(Database& database, LastIds& ids) {
  return read_ids(database, "SELECT max(first_reading_id) - 1, max(first_event_id) - 1 FROM run_info", ids);
}

StorageError record_run(Database& database, const RunInfo& run, const LastIds& last) {
  return database.run(insert_run, run.run_id, static_cast<std::int64_t>(run.seed), run.version, run.config,
                      run.config_hash, timestamp_text(run.start), timestamp_text(run.began_at),
                      static_cast<std::int64_t>(run.fleet_size), run.partition, run.shard_by, run.fleet_hash,
                      last.reading, last.event, run.zone_data, run.spread);
}

}  // namespace fleet_sim::tables
