#include "sqlite/oldest_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cadence.h"
#include "base/plain_text.h"
#include "base/timestamp.h"
#include "tables/deliveries.h"

namespace fleet_sim::sqlite {
namespace {

// `--resume` looks at the last two windows, and within a shard times go back by up to another.
constexpr Microseconds kept_to_resume = 3 * longest_window;

// `{}`: when readings came, in which order they lie.
constexpr std::string_view select_last = "SELECT id, {} FROM sensor_readings ORDER BY id DESC LIMIT 1";
// Up to where the run goes that the first reading belongs to: times of different runs are no one order.
constexpr std::string_view select_next_run =
    "SELECT min(first_reading_id) FROM run_info WHERE first_reading_id > (SELECT min(id) FROM "
    "sensor_readings)";
constexpr std::string_view select_oldest_readings =
    "SELECT id, {}, synced FROM sensor_readings WHERE id < ?1 ORDER BY id LIMIT ?2";
constexpr std::string_view delete_readings = "DELETE FROM sensor_readings WHERE id <= ?1";

constexpr std::string_view select_first = "SELECT id, timestamp FROM sensor_readings ORDER BY id LIMIT 1";
// Those of the runs that had begun when the first reading that is left was written, the last of all excepted.
constexpr std::string_view select_oldest_events = R"sql(
SELECT id, started_at, ended_at FROM anomaly_events
WHERE id < min((SELECT max(id) FROM anomaly_events),
               (SELECT coalesce(min(first_event_id), 9223372036854775807) FROM run_info WHERE first_reading_id > ?1))
{}ORDER BY id)sql";
// Where somebody collects events, which the table says, those that have not been collected since they ended
// stay: the ones behind the latest that has, and those that were open then (scripts/collect).
constexpr std::string_view and_collected = R"sql(
  AND id <= (SELECT coalesce(max(event_id), 0) FROM collected_events)
  AND id NOT IN (SELECT event_id FROM collected_events WHERE is_open = 1)
)sql";
constexpr std::string_view select_run_of_first =
    "SELECT coalesce(max(first_event_id), 0) FROM run_info WHERE first_reading_id <= ?1";
constexpr std::string_view delete_event = "DELETE FROM anomaly_events WHERE id = ?1";
constexpr std::string_view delete_injected = "DELETE FROM injected_anomalies WHERE event_id = ?1";

std::string with_time(std::string_view sql, tables::Database& database) {
  const bool may_be_late = database.has_table(tables::deliveries_table);
  return fmt::format(fmt::runtime(sql), may_be_late ? "coalesce(arrived_at, timestamp)" : "timestamp");
}

tables::StorageError not_ours(std::string_view timestamp) {
  return {SQLITE_MISMATCH, fmt::format("has a row at {}, which is not a time", in_quotes(timestamp))};
}

// `text` earlier by `span`, as a text again.
tables::StorageError earlier(std::string_view text, Microseconds span, std::string& result) {
  const auto moment = parse_timestamp(text);
  if (!moment) return not_ours(text);
  result =
      timestamp_text(std::max(earliest_timestamp, *moment - std::min(span, *moment - earliest_timestamp)));
  return {};
}

// A reading by its place and time.
struct Place {
  std::int64_t id = 0;
  std::string timestamp;
};

tables::StorageError read_place(tables::Database& database, std::string_view sql,
                                std::optional<Place>& place) {
  return database.query(sql, [&](const tables::Statement& row) {
    place = Place{row.integer(0), std::string(row.text(1))};
  });
}

// Which readings are to go: those that came before a moment, and with a lower id. Not those of the next run.
struct Bound {
  std::string before;
  std::int64_t below_id = 0;
};

tables::StorageError find_bound(tables::Database& database, const config::RetentionSettings& settings,
                                std::optional<Bound>& bound) {
  std::optional<Place> last;
  if (tables::StorageError error = read_place(database, with_time(select_last, database), last);
      !error.ok() || !last)
    return error;
  const bool too_large = settings.shard_bytes > 0 && used_bytes(database) > settings.shard_bytes;
  if (!too_large && settings.age_seconds == 0) return {};
  const auto age = static_cast<Microseconds>(settings.age_seconds * 1e6);
  const Microseconds span = too_large ? kept_to_resume : std::max(age, kept_to_resume);
  Bound found{{}, std::min(last->id, database.query_integer(select_next_run, last->id))};
  tables::StorageError error = earlier(last->timestamp, span, found.before);
  if (error.ok()) bound = std::move(found);
  return error;
}

// The last of the readings that go, from the front.
struct Prefix {
  std::uint64_t readings = 0;
  std::int64_t last_id = 0;
  std::string until;
  bool held_back = false;
};

tables::StorageError find_prefix(tables::Database& database, const config::RetentionSettings& settings,
                                 std::uint32_t most_rows, Prefix& prefix) {
  std::optional<Bound> bound;
  if (tables::StorageError error = find_bound(database, settings, bound); !error.ok() || !bound) return error;
  tables::Statement row;
  if (tables::StorageError error = database.prepare(with_time(select_oldest_readings, database), row);
      !error.ok())
    return error;
  row.bind(1, bound->below_id);
  row.bind(2, static_cast<std::int64_t>(most_rows));
  int code = SQLITE_OK;
  while ((code = row.step()) == SQLITE_ROW && row.text(1) < bound->before) {
    prefix.held_back = settings.only_synced && row.integer(2) == 0;
    if (prefix.held_back) break;
    ++prefix.readings;
    prefix.last_id = row.integer(0);
    prefix.until = std::max(prefix.until, std::string(row.text(1)));
  }
  return database.error_of(code);
}

// Events lie in the order in which they began, and readings that are left may be due a window before the
// first of them. Passes over those that go on, one of a sensor at most, and those that runs left open.
tables::StorageError find_past_events(tables::Database& database, const Place& first, std::uint32_t most_rows,
                                      std::vector<std::int64_t>& past) {
  std::string before;
  if (tables::StorageError error = earlier(first.timestamp, longest_window, before); !error.ok())
    return error;
  tables::Statement run;
  if (tables::StorageError error = database.prepare(select_run_of_first, run); !error.ok()) return error;
  run.bind(1, first.id);
  if (run.step() != SQLITE_ROW) return database.error();
  const std::int64_t first_of_run = run.integer(0);
  tables::Statement row;
  const std::string select =
      fmt::format(select_oldest_events, database.has_table("collected_events") ? and_collected : "");
  if (tables::StorageError error = database.prepare(select, row); !error.ok()) return error;
  row.bind(1, first.id);
  int code = SQLITE_OK;
  while (past.size() < most_rows && (code = row.step()) == SQLITE_ROW) {
    if (row.integer(0) >= first_of_run && row.text(1) >= before) return {};
    if (row.type(2) == SQLITE_TEXT && row.text(2) < before) past.push_back(row.integer(0));
  }
  return database.error_of(code);
}

tables::StorageError delete_events(tables::Database& database, std::uint32_t most_rows,
                                   std::uint64_t& deleted) {
  std::optional<Place> first;
  std::vector<std::int64_t> past;
  tables::StorageError error = read_place(database, select_first, first);
  if (error.ok() && first) error = find_past_events(database, *first, most_rows, past);
  const bool has_injected = database.has_table("injected_anomalies");
  for (const std::int64_t id : past) {
    if (error.ok()) error = database.run(delete_event, id);
    if (error.ok() && has_injected) error = database.run(delete_injected, id);
  }
  deleted = past.size();
  return error;
}

tables::StorageError delete_prefix(tables::Database& database, const config::RetentionSettings& settings,
                                   std::uint32_t most_rows, DeletedRows& deleted) {
  // Once more under the lock: a collector may have taken a mark back.
  Prefix prefix;
  tables::StorageError error = find_prefix(database, settings, most_rows, prefix);
  if (!error.ok() || prefix.readings == 0) return error;
  error = database.run(delete_readings, prefix.last_id);
  DeletedRows removed{prefix.readings, 0, prefix.held_back};
  if (error.ok()) error = delete_events(database, most_rows, removed.events);
  if (error.ok()) error = tables::delete_deliveries(database, prefix.until, most_rows);
  if (error.ok()) {
    error =
        tables::record_deletions(database, {prefix.until, prefix.last_id, removed.readings, removed.events});
  }
  if (error.ok()) error = database.execute("COMMIT");
  if (error.ok()) deleted = removed;
  return error;
}

}  // namespace

std::uint64_t used_bytes(tables::Database& database) {
  const std::int64_t pages =
      database.query_integer("PRAGMA page_count", 0) - database.query_integer("PRAGMA freelist_count", 0);
  return static_cast<std::uint64_t>(pages * database.query_integer("PRAGMA page_size", 0));
}

tables::StorageError delete_oldest(tables::Database& database, const config::RetentionSettings& settings,
                                   DeletedRows& deleted, std::uint32_t most_rows) {
  deleted = {};
  // A look first, so that a shard with nothing to delete is not locked.
  Prefix prefix;
  tables::StorageError error = find_prefix(database, settings, 1, prefix);
  deleted.held_back = prefix.held_back;
  if (!error.ok() || prefix.readings == 0) return error;
  error = database.execute("BEGIN IMMEDIATE");
  if (error.ok()) error = delete_prefix(database, settings, most_rows, deleted);
  if (database.in_transaction()) database.execute("ROLLBACK");
  return error;
}

}  // namespace fleet_sim::sqlite
