#include "tables/deletions.h"

#include <string_view>

namespace fleet_sim::tables {
namespace {

constexpr const char* create_deletions = R"sql(
CREATE TABLE IF NOT EXISTS deletions (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  until TEXT NOT NULL,
  last_reading_id INTEGER NOT NULL,
  readings INTEGER NOT NULL,
  events INTEGER NOT NULL
))sql";

constexpr std::string_view add_deletions = R"sql(
INSERT INTO deletions (id, until, last_reading_id, readings, events) VALUES (1, ?1, ?2, ?3, ?4)
ON CONFLICT (id) DO UPDATE SET until = excluded.until, last_reading_id = excluded.last_reading_id,
  readings = readings + excluded.readings, events = events + excluded.events)sql";

constexpr std::string_view select_deletions =
    "SELECT until, last_reading_id, readings, events FROM deletions WHERE id = 1";

}  // namespace

StorageError record_deletions(Database& database, const Deletions& more) {
  if (StorageError error = database.execute(create_deletions); !error.ok()) return error;
  return database.run(add_deletions, more.until, more.last_reading_id,
                      static_cast<std::int64_t>(more.readings), static_cast<std::int64_t>(more.events));
}

StorageError read_deletions(Database& database, Deletions& deletions) {
  deletions = {};
  if (!database.has_table("deletions")) return {};
  return database.query(select_deletions, [&](const Statement& row) {
    deletions = {std::string(row.text(0)), row.integer(1), static_cast<std::uint64_t>(row.integer(2)),
                 static_cast<std::uint64_t>(row.integer(3))};
  });
}

}  // namespace fleet_sim::tables
