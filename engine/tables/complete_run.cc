#include "tables/complete_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/anomaly_types.h"
#include "base/cadence.h"
#include "base/timestamp.h"
#include "tables/deliveries.h"
#include "tables/run_losses.h"

namespace fleet_sim::tables {
namespace {

constexpr std::string_view select_run = R"sql(
SELECT earlier.first_reading_id, earlier.first_event_id, this.first_reading_id, this.first_event_id, earlier.run_id
FROM run_info AS this JOIN run_info AS earlier
  ON earlier.rowid < this.rowid AND earlier.partition = this.partition AND earlier.first_reading_id IS NOT NULL
WHERE this.run_id = ?1 ORDER BY earlier.rowid DESC LIMIT 1)sql";

// By the index of open events: the others are many. One of age stands beside what else happens to its sensor,
// and its rows are not marked until the sensor fails.
constexpr std::string_view select_open_events = R"sql(
SELECT id, sensor_id, anomaly_type, started_at, cause = 'scenario'
FROM anomaly_events INDEXED BY anomaly_events_open
WHERE ended_at IS NULL AND id >= ?1 AND id < ?2 AND anomaly_type <> 'aging' ORDER BY id)sql";

// `{}`: when a reading was due.
constexpr std::string_view select_rows_backwards = R"sql(
SELECT sensor_id, {}, anomaly_type FROM sensor_readings WHERE id >= ?1 AND id < ?2 ORDER BY id DESC)sql";

constexpr std::string_view select_reloads = "SELECT at FROM run_reloads WHERE run_id = ?1 ORDER BY at";

constexpr std::string_view update_event =
    "UPDATE anomaly_events SET readings_affected = max(readings_affected, ?2) WHERE id = ?1 AND ended_at IS "
    "NULL";

// Where an earlier run's rows and events lie.
struct Extent {
  std::string run_id;
  std::int64_t first_reading = 0;
  std::int64_t first_event = 0;
  std::int64_t end_of_readings = 0;
  std::int64_t end_of_events = 0;
};

struct OpenEvent {
  std::int64_t id = 0;
  std::string type;
  std::string started_at;      // timestamps compare as texts
  bool is_in_between = false;  // it began between two readings, because an entry of a scenario said so
  std::int64_t affected = 0;   // readings whose rows are there
  std::string latest;          // of these, the one that was met last: delivery may have made two rows of it
  std::string row_before;      // the sensor's last one before it; empty until that has been met …
  std::string row_earlier;     // … and the one before that, if it is asked for

  [[nodiscard]] bool passed() const {
    return !row_before.empty() && (!is_in_between || !row_earlier.empty());
  }
};
using OpenEvents = std::unordered_map<std::string, OpenEvent>;  // by sensor

StorageError read_extent(Database& database, const std::string& run_id, Extent& extent) {
  const auto take = [&](const Statement& row) {
    extent = {std::string(row.text(4)), row.integer(0), row.integer(1), row.integer(2), row.integer(3)};
  };
  return database.query(select_run, take, run_id);
}

StorageError read_open_events(Database& database, const Extent& extent, OpenEvents& events) {
  const auto take = [&](const Statement& row) {
    OpenEvent event;
    event.id = row.integer(0);
    event.type = row.text(2);
    event.started_at = row.text(3);
    event.is_in_between = row.integer(4) != 0;
    events.insert_or_assign(std::string(row.text(1)), std::move(event));
  };
  return database.query(select_open_events, take, extent.first_event, extent.end_of_events);
}

// When the run was reloaded, as far as this file has been told.
StorageError read_reloads(Database& database, const std::string& run_id, std::vector<std::string>& reloads) {
  if (!database.has_table("run_reloads")) return {};
  return database.query(
      select_reloads, [&](const Statement& row) { reloads.emplace_back(row.text(0)); }, run_id);
}

bool has_delivery(Database& database) {
  return database.has_table(deliveries_table);
}

// Returns, in `last`, the time of the latest row.
StorageError count_rows(Database& database, const Extent& extent, std::uint64_t most_rows, OpenEvents& events,
                        std::string& last) {
  Statement row;
  const char* due = has_delivery(database) ? "coalesce(due, timestamp)" : "timestamp";
  const std::string sql = fmt::format(fmt::runtime(select_rows_backwards), due);
  if (StorageError error = database.prepare(sql, row); !error.ok()) return error;
  row.bind(1, extent.first_reading);
  row.bind(2, extent.end_of_readings);
  std::size_t to_pass = events.size();
  int code = SQLITE_DONE;
  for (std::uint64_t rows = 0; to_pass > 0 && rows < most_rows && (code = row.step()) == SQLITE_ROW; ++rows) {
    const std::string_view at = row.text(1);
    if (at > last) last = at;
    const auto found = events.find(std::string(row.text(0)));
    if (found == events.end() || found->second.passed()) continue;
    OpenEvent& event = found->second;
    if (at >= event.started_at) {
      const bool is_counted = row.text(2) == event.type && event.latest != at;
      event.affected += is_counted ? 1 : 0;
      if (is_counted) event.latest = at;
    } else {
      (event.row_before.empty() ? event.row_before : event.row_earlier) = at;
      to_pass -= event.passed() ? 1 : 0;
    }
  }
  if (code != SQLITE_ROW && code != SQLITE_DONE) return database.error();
  // Stopped by the bound: an event that has not been passed may have more rows than were seen.
  for (auto& [sensor, event] : events) {
    if (code == SQLITE_ROW && !event.passed()) event.affected = 0;
  }
  return {};
}

// Rows that are not there show in the distance of those that are: the event began with a reading, one period
// after the row before it, or more, and a period is a microsecond longer at times. What began in between
// shows nothing of the period, but two rows before it do. Within a window of a run's last row, rows may be
// missing because they came later and were not committed. Where an event leaves some rows, those are not
// among the missing ones. An event that the run began with has no row before it, and keeps its count.
void count_gap(OpenEvent& event, std::string_view last) {
  const std::int64_t there = std::exchange(event.affected, 0);
  const auto began = parse_timestamp(event.is_in_between ? event.row_earlier : event.row_before);
  const auto ended = parse_timestamp(event.is_in_between ? event.row_before : event.started_at);
  const auto started = parse_timestamp(event.started_at);
  const auto latest = parse_timestamp(last);
  if (!began || !ended || !started || !latest || *ended <= *began) return;
  const Microseconds certain = *latest - longest_window - 1 - *started;
  if (certain < 0) return;
  const std::int64_t due = certain / (*ended - *began + 1) + (event.is_in_between ? 0 : 1);
  event.affected = std::max<std::int64_t>(0, due - there);
}

// A reload since the rows before it may have ended the event, or changed its sensor's rate or file: what came
// then is not counted.
std::string_view end_of_gap(const OpenEvent& event, const std::vector<std::string>& reloads,
                            std::string_view last) {
  const auto reload =
      std::ranges::upper_bound(reloads, event.is_in_between ? event.row_earlier : event.row_before);
  return reload == reloads.end() ? last : std::min<std::string_view>(last, *reload);
}

StorageError write_counts(Database& database, const OpenEvents& events) {
  Statement update;
  if (StorageError error = database.prepare(update_event, update); !error.ok()) return error;
  for (const auto& [sensor, event] : events) {
    if (event.affected == 0) continue;
    update.bind(1, event.id);
    update.bind(2, event.affected);
    if (update.run() != SQLITE_OK) return database.error();
  }
  return {};
}

}  // namespace

StorageError complete_run_before(Database& database, const std::string& run_id, std::uint64_t most_rows) {
  Extent extent;
  OpenEvents events;
  std::string last;
  StorageError error = read_extent(database, run_id, extent);
  if (error.ok() && extent.end_of_events > extent.first_event)
    error = read_open_events(database, extent, events);
  bool has_gaps = false;
  if (error.ok()) error = has_losses(database, extent.run_id, has_gaps);
  if (!error.ok() || has_gaps || events.empty()) return error;
  std::vector<std::string> reloads;
  error = read_reloads(database, extent.run_id, reloads);
  if (error.ok()) error = count_rows(database, extent, most_rows, events, last);
  if (!error.ok()) return error;
  // Where rows may be dropped or late, those that are not there say nothing.
  const bool shows_gaps = !has_delivery(database);
  for (auto& [sensor, event] : events) {
    if (!takes_rows(anomaly_type_of(event.type))) continue;
    shows_gaps ? count_gap(event, end_of_gap(event, reloads, last)) : void(event.affected = 0);
  }
  return write_counts(database, events);
}

}  // namespace fleet_sim::tables
