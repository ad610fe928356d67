#include "tables/deliveries.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/plain_text.h"

namespace fleet_sim::tables {
namespace {

constexpr std::string_view insert_delivery =
    "INSERT INTO deliveries (run_id, sensor_id, kind, sequence, due, arrived_at, readings) VALUES (?1, ?2, "
    "?3, ?4, ?5, ?6, ?7)";
// `{}`: which of them, by a moment `?2`. Times compare as texts.
constexpr std::string_view select_deliveries =
    "SELECT sensor_id, kind, due, arrived_at, readings, sequence FROM deliveries WHERE ?1 IN ('', run_id) "
    "AND ({}) ORDER BY rowid";
constexpr std::string_view is_any = "?2 IS NOT NULL";
constexpr std::string_view is_since = "due >= ?2 OR arrived_at >= ?2";
constexpr std::string_view is_waiting = "kind IN ('hold', 'drained') OR kind = 'late' AND arrived_at >= ?2";

constexpr std::string_view select_oldest =
    "SELECT id, sensor_id, kind, due, coalesce(arrived_at, due) FROM deliveries WHERE id < (SELECT max(id) "
    "FROM deliveries) ORDER BY id LIMIT ?1";
constexpr std::string_view delete_delivery = "DELETE FROM deliveries WHERE id = ?1";

StorageError not_ours(std::string_view text) {
  return {SQLITE_MISMATCH, "has deliveries with " + in_quotes(text) + ", which fleet-sim never writes"};
}

StorageError take_row(const Statement& row, const TakeDelivery& take) {
  const auto& names = batch::Delivery::kind_names;
  const auto name = std::ranges::find(names, row.text(1));
  if (name == names.end()) return not_ours(row.text(1));
  const std::optional<Timestamp> due = parse_timestamp(row.text(2));
  if (!due) return not_ours(row.text(2));
  std::optional<Timestamp> arrived_at;
  if (row.type(3) != SQLITE_NULL) {
    arrived_at = parse_timestamp(row.text(3));
    if (!arrived_at) return not_ours(row.text(3));
  }
  take({row.text(0), static_cast<batch::Delivery::Kind>(name - names.begin()), *due, arrived_at,
        static_cast<std::uint64_t>(row.integer(4)), static_cast<std::uint64_t>(row.integer(5))});
  return {};
}

StorageError read_those(Database& database, std::string_view which, const std::string& run_id,
                        Timestamp moment, const TakeDelivery& take) {
  if (!database.has_table(deliveries_table)) return {};
  return database.query(
      fmt::format(fmt::runtime(select_deliveries), which),
      [&](const Statement& row) { return take_row(row, take); }, run_id, timestamp_text(moment));
}

}  // namespace

int DeliveryInsert::insert(const batch::Delivery& delivery, std::string_view sensor_id) {
  if (!insert_.is_prepared()) {
    if (const StorageError error = database_.prepare(insert_delivery, insert_); !error.ok())
      return error.code;
  }
  const std::string due = timestamp_text(delivery.due);
  const std::string arrived_at = delivery.arrived_at ? timestamp_text(*delivery.arrived_at) : std::string();
  insert_.bind(1, run_id_);
  insert_.bind(2, sensor_id);
  insert_.bind(3, batch::name_of(delivery.kind));
  insert_.bind(4, static_cast<std::int64_t>(delivery.sequence));
  insert_.bind(5, due);
  insert_.bind_null(6);
  if (delivery.arrived_at) insert_.bind(6, arrived_at);
  insert_.bind(7, static_cast<std::int64_t>(delivery.readings));
  return insert_.run();
}

StorageError read_deliveries(Database& database, const std::string& run_id, const TakeDelivery& take) {
  return read_those(database, is_any, run_id, earliest_timestamp, take);
}

StorageError read_deliveries_since(Database& database, const std::string& run_id, Timestamp moment,
                                   const TakeDelivery& take) {
  return read_those(database, is_since, run_id, moment, take);
}

StorageError read_waiting(Database& database, const std::string& run_id, Timestamp moment,
                          const TakeDelivery& take) {
  return read_those(database, is_waiting, run_id, moment, take);
}

StorageError delete_deliveries(Database& database, std::string_view until, std::uint32_t most_rows) {
  using Kind = batch::Delivery::Kind;
  if (!database.has_table(deliveries_table)) return {};
  std::vector<std::int64_t> past;
  std::map<std::pair<std::string, std::string>, std::int64_t> holds;  // by sensor and due time
  const auto take = [&](const Statement& row) {
    const std::pair<std::string, std::string> of(row.text(1), row.text(3));
    if (row.text(2) == batch::name_of(Kind::hold)) {
      holds.emplace(of, row.integer(0));
    } else if (row.text(4) < until) {
      past.push_back(row.integer(0));
      const auto hold = row.text(2) == batch::name_of(Kind::drained) ? holds.find(of) : holds.end();
      if (hold != holds.end()) past.push_back(hold->second);
    }
  };
  StorageError error = database.query(select_oldest, take, static_cast<std::int64_t>(most_rows));
  for (const std::int64_t id : past) {
    if (error.ok()) error = database.run(delete_delivery, id);
  }
  return error;
}

}  // namespace fleet_sim::tables
