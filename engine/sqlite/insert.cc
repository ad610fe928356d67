#include "sqlite/insert.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tables/layout.h"
#include "tables/schema.h"

namespace fleet_sim::sqlite {
namespace {

// OR FAIL, because a statement of several rows that might have to undo some of them first saves every page it
// touches, in a temporary file once these are many. We undo the whole transaction anyway.
std::string reading_sql(const types::Schema& schema, config::Layout layout, std::size_t rows) {
  std::vector<types::Column> columns = tables::stored_columns(schema, layout);
  std::erase_if(columns, [](const types::Column& column) {
    return column.role == types::Column::Role::id || column.role == types::Column::Role::mark;
  });
  std::string values;
  for (std::size_t i = 0; i < columns.size(); ++i) values += i == 0 ? "(?" : ", ?";
  std::string sql = fmt::format("INSERT OR FAIL INTO {} ({}) VALUES ", tables::rows_table(layout),
                                listed(std::span(std::as_const(columns))));
  for (std::size_t row = 0; row < rows; ++row) {
    if (row > 0) sql += ", ";
    sql += values + ')';
  }
  return sql;
}

constexpr std::string_view begin_event_sql =
    "INSERT INTO anomaly_events (sensor_id, anomaly_type, channel, direction, magnitude, started_at, "
    "ended_at, readings_affected, severity, sigma, cause, scenario, fails_at, id) VALUES (?1, ?2, ?3, ?4, "
    "?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, max(?14, (SELECT coalesce(max(id), 0) FROM anomaly_events)) + "
    "1)";

constexpr std::string_view insert_fleet_event_sql =
    "INSERT INTO fleet_events (name, sensor_id, verb, what, started_at, ended_at, silent_until, failed, "
    "run_id) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

constexpr std::string_view hold_place_sql = "INSERT INTO {} (id, timestamp, sensor_id) VALUES (?1, '', '')";
constexpr std::string_view release_place_sql = "DELETE FROM {} WHERE id = ?1";

constexpr const char* create_injected_sql =
    "CREATE TABLE IF NOT EXISTS injected_anomalies (event_id INTEGER PRIMARY KEY, duration INTEGER)";
constexpr std::string_view note_injected_sql =
    "INSERT INTO injected_anomalies (event_id, duration) VALUES (last_insert_rowid(), ?1)";

// The latest open event of that sensor and start: an earlier run with the same seed may have left the same
// one open. A run that is resumed, and stops before it has caught up with what is there, has counted less.
constexpr std::string_view update_event_sql =
    "UPDATE anomaly_events SET ended_at = ?3, readings_affected = max(readings_affected, ?4) WHERE id = "
    "(SELECT max(id) FROM "
    "anomaly_events "
    "WHERE sensor_id = ?1 AND started_at = ?2 AND ended_at IS NULL)";

// One that had ended, until a reload gave its sensor more readings within it. Such events are recent, so the
// row is looked for from the end.
constexpr std::string_view update_ended_event_sql =
    "UPDATE anomaly_events SET ended_at = ?3, readings_affected = max(readings_affected, ?4) WHERE id = "
    "(SELECT id FROM "
    "anomaly_events WHERE sensor_id = ?1 AND started_at = ?2 ORDER BY id DESC LIMIT 1)";

template <class Value>
void bind_if(tables::Statement& statement, int parameter, const std::optional<Value>& value) {
  if (value) {
    statement.bind(parameter, *value);
  } else {
    statement.bind_null(parameter);
  }
}

void bind_end(tables::Statement& statement, int parameter, const batch::AnomalyEvent& event,
              std::string_view text) {
  if (batch::ends(event.kind)) {
    statement.bind(parameter, text);
  } else {
    statement.bind_null(parameter);
  }
}

}  // namespace

int ReadingInsert::insert(const batch::Rows& readings, std::size_t first) {
  const int code = look_at_file();
  return code == SQLITE_OK ? insert_in_order(readings, first) : code;
}

// The next id is one above the highest there is: a row that goes again at once stands for the ids of before.
int ReadingInsert::insert_after(std::int64_t last_id, const batch::Rows& readings, std::size_t first) {
  const auto run_with_id = [&](std::string_view sql) {
    return database_.run(fmt::format(fmt::runtime(sql), tables::rows_table(*layout_)), last_id).code;
  };
  int code = look_at_file();
  if (code == SQLITE_OK) code = run_with_id(hold_place_sql);
  if (code == SQLITE_OK) code = insert_in_order(readings, first);
  if (code == SQLITE_OK) code = run_with_id(release_place_sql);
  return code;
}

int ReadingInsert::look_at_file() {
  if (layout_) return SQLITE_OK;
  const int code = tables::find_layout(database_, layout_).code;
  return code == SQLITE_OK && !layout_ ? SQLITE_SCHEMA : code;
}

int ReadingInsert::insert_in_order(const batch::Rows& readings, std::size_t first) {
  for (std::size_t i = 0; i < statements_.size(); ++i) {
    const std::size_t rows = rows_per_statement[i];
    for (; readings.size() - first >= rows; first += rows) {
      if (int code = prepare(statements_[i], rows); code != SQLITE_OK) return code;
      if (int code = insert_some(statements_[i], readings, first, rows); code != SQLITE_OK) return code;
    }
  }
  return SQLITE_OK;
}

int ReadingInsert::prepare(tables::Statement& statement, std::size_t rows) {
  if (statement.is_prepared()) return SQLITE_OK;
  return database_.prepare(reading_sql(schema_, *layout_, rows), statement).code;
}

int ReadingInsert::insert_some(tables::Statement& statement, const batch::Rows& readings, std::size_t first,
                               std::size_t rows) {
  assert(readings.empty() || readings.values(0).size() == schema_.channels().size());
  int parameter = 1;
  for (std::size_t row = 0; row < rows; ++row) {
    if (int code = bind(statement, parameter, row, readings[first + row]); code != SQLITE_OK) return code;
  }
  return statement.run();
}

// In the order of tables::stored_columns; counts the parameters on.
int ReadingInsert::bind(tables::Statement& statement, int& parameter, std::size_t row,
                        const batch::Row& reading) {
  bind_time(statement, parameter++, reading.stamp(), times_[row].stamp);
  if (int code = bind_sensor(statement, parameter++, reading); code != SQLITE_OK) return code;
  for (const double value : reading.values) statement.bind(parameter++, value);
  bind_anomaly(statement, parameter, reading);
  if (layout_ == config::Layout::wide) bind_identity(statement, parameter, reading);
  if (!schema_.has_delivery()) return SQLITE_OK;
  assert(reading.arrival != nullptr);
  statement.bind(parameter++, static_cast<std::int64_t>(reading.arrival->sequence));
  bind_time(statement, parameter++, reading.due, times_[row].due);
  bind_time(statement, parameter++, reading.arrival->at, times_[row].arrived_at);
  return SQLITE_OK;
}

int ReadingInsert::bind_sensor(tables::Statement& statement, int parameter, const batch::Row& reading) {
  if (layout_ == config::Layout::wide) {
    statement.bind(parameter, roster_[reading.sensor].id);
    return SQLITE_OK;
  }
  std::int64_t number = 0;
  const int code = numbers_.find(reading.sensor, reading.overlay, number);
  if (code == SQLITE_OK) statement.bind(parameter, number);
  return code;
}

void ReadingInsert::bind_anomaly(tables::Statement& statement, int& parameter, const batch::Row& reading) {
  if (layout_ == config::Layout::wide) {
    const std::int64_t anomalous = reading.anomaly ? 1 : 0;
    statement.bind(parameter++, anomalous);
    statement.bind(parameter++, anomalous);
  }
  if (reading.anomaly) {
    statement.bind(parameter++, name_of(*reading.anomaly));
  } else {
    statement.bind_null(parameter++);
  }
}

void ReadingInsert::bind_identity(tables::Statement& statement, int& parameter, const batch::Row& reading) {
  const identity::Identity identity = roster_.shown(reading.sensor, reading.overlay);
  statement.bind(parameter++, roster_.text(identity.firmware_version));
  statement.bind(parameter++, roster_.text(identity.model));
  statement.bind(parameter++, roster_.text(identity.manufacturer));
  statement.bind(parameter++, roster_.text(identity.location));
}

void ReadingInsert::bind_time(tables::Statement& statement, int parameter, Timestamp at,
                              TimestampText& text) {
  std::ranges::copy(timestamp_writer_.write(at), text.begin());
  statement.bind(parameter, std::string_view(text.data(), timestamp_width));
}

int EventInsert::apply(const batch::AnomalyEvent& event, std::int64_t last_id) {
  if (batch::begins(event.kind)) return begin(event, last_id);
  int code = update(event, update_, update_event_sql);
  if (code == SQLITE_OK && database_.changed_rows() == 0)
    code = update(event, update_ended_, update_ended_event_sql);
  const bool row_is_missing = code == SQLITE_OK && last_id > 0 && database_.changed_rows() == 0;
  return row_is_missing ? begin(event, last_id) : code;
}

int EventInsert::begin(const batch::AnomalyEvent& event, std::int64_t last_id) {
  if (!begin_.is_prepared()) {
    if (const tables::StorageError error = database_.prepare(begin_event_sql, begin_); !error.ok())
      return error.code;
  }
  const std::string started_at = timestamp_text(event.started_at);
  const std::string ended_at = timestamp_text(event.ended_at);
  begin_.bind(1, roster_[event.sensor].id);
  begin_.bind(2, name_of(event.type));
  begin_.bind_null(3);
  if (event.channel) begin_.bind(3, schema_.channels()[index_of(*event.channel)].name);
  begin_.bind_null(4);
  if (event.direction != 0) begin_.bind(4, static_cast<std::int64_t>(event.direction));
  bind_if(begin_, 5, event.magnitude);
  begin_.bind(6, started_at);
  bind_end(begin_, 7, event, ended_at);
  begin_.bind(8, static_cast<std::int64_t>(event.readings_affected));
  bind_if(begin_, 9, event.severity);
  bind_if(begin_, 10, event.sigma);
  begin_.bind(11, name_of(event.cause));
  begin_.bind_null(12);
  if (event.scenario != 0) begin_.bind(12, roster_.text(static_cast<identity::Text>(event.scenario)));
  const std::string fails_at = event.fails_at ? timestamp_text(*event.fails_at) : std::string();
  begin_.bind_null(13);
  if (event.fails_at) begin_.bind(13, fails_at);
  begin_.bind(14, last_id);
  const int code = begin_.run();
  return code == SQLITE_OK && event.cause == AnomalyCause::injected ? note_injected(event) : code;
}

// How long it is to last, which its row does not say before it has ended. Most files never need the table, so
// the first injected event makes it.
int EventInsert::note_injected(const batch::AnomalyEvent& event) {
  tables::StorageError error = database_.execute(create_injected_sql);
  tables::Statement note;
  if (error.ok()) error = database_.prepare(note_injected_sql, note);
  if (!error.ok()) return error.code;
  note.bind(1, event.ended_at + 1 - event.started_at);
  return note.run();
}

int EventInsert::update(const batch::AnomalyEvent& event, tables::Statement& statement,
                        std::string_view sql) {
  if (!statement.is_prepared()) {
    if (const tables::StorageError error = database_.prepare(sql, statement); !error.ok()) return error.code;
  }
  const std::string started_at = timestamp_text(event.started_at);
  const std::string ended_at = timestamp_text(event.ended_at);
  statement.bind(1, roster_[event.sensor].id);
  statement.bind(2, started_at);
  bind_end(statement, 3, event, ended_at);
  statement.bind(4, static_cast<std::int64_t>(event.readings_affected));
  return statement.run();
}

int FleetEventInsert::insert(const batch::FleetEvent& event) {
  if (!insert_.is_prepared()) {
    tables::StorageError error = database_.execute(tables::create_fleet_events);
    if (error.ok()) error = database_.prepare(insert_fleet_event_sql, insert_);
    if (!error.ok()) return error.code;
  }
  const auto text = [this](std::uint32_t handle) {
    return roster_.text(static_cast<identity::Text>(handle));
  };
  const std::string started_at = timestamp_text(event.started_at);
  const std::string ended_at = event.ended_at ? timestamp_text(*event.ended_at) : std::string();
  const std::string silent_until = event.silent_until ? timestamp_text(*event.silent_until) : std::string();
  insert_.bind(1, text(event.name));
  insert_.bind(2, roster_[event.sensor].id);
  insert_.bind(3, batch::name_of(event.verb));
  insert_.bind(4, text(event.what));
  insert_.bind(5, started_at);
  insert_.bind_null(6);
  if (event.ended_at) insert_.bind(6, ended_at);
  insert_.bind_null(7);
  if (event.silent_until) insert_.bind(7, silent_until);
  insert_.bind(8, static_cast<std::int64_t>(event.failed ? 1 : 0));
  insert_.bind(9, run_id_);
  return insert_.run();
}

}  // namespace fleet_sim::sqlite
