#include "storage/deletions.h"

#include <string_view>

namespace fleet_sim {
namespace {

constexpr const char* create_table = R"sql(
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

constexpr std::string_view find_table =
    "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'deletions'";
constexpr std::string_view select_deletions =
    "SELECT until, last_reading_id, readings, events FROM deletions WHERE id = 1";

}  // namespace

StorageError record_deletions(Database& database, const Deletions& more) {
  if (StorageError error = database.execute(create_table); !error.ok()) return error;
  Statement add;
  if (StorageError error = database.prepare(add_deletions, add); !error.ok()) return error;
  add.bind(1, more.until);
  add.bind(2, more.last_reading_id);
  add.bind(3, static_cast<std::int64_t>(more.readings));
  add.bind(4, static_cast<std::int64_t>(more.events));
  return add.run() == SQLITE_OK ? StorageError{} : database.error();
}

StorageError read_deletions(Database& database, Deletions& deletions) {
  deletions = {};
  if (database.query_integer(find_table, 0) != 1) return {};
  Statement row;
  if (StorageError error = database.prepare(select_deletions, row); !error.ok()) return error;
  const int code = row.step();
  if (code == SQLITE_ROW) {
    deletions = {std::string(row.text(0)), row.integer(1), static_cast<std::uint64_t>(row.integer(2)),
                 static_cast<std::uint64_t>(row.integer(3))};
  }
  return code == SQLITE_ROW || code == SQLITE_DONE ? StorageError{} : database.error();
}

}  // namespace fleet_sim
