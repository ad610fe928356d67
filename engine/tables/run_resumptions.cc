#include "tables/run_resumptions.h"

#include <string_view>

namespace fleet_sim::tables {
namespace {

constexpr const char* create_run_resumptions =
    "CREATE TABLE IF NOT EXISTS run_resumptions (run_id TEXT NOT NULL, resumed_at TEXT NOT NULL, "
    "PRIMARY KEY (run_id, resumed_at))";
constexpr std::string_view insert_resumption =
    "INSERT OR IGNORE INTO run_resumptions (run_id, resumed_at) VALUES (?1, ?2)";

}  // namespace

StorageError record_resumption(Database& database, const std::string& run_id, Timestamp resumed_at) {
  if (StorageError error = database.execute(create_run_resumptions); !error.ok()) return error;
  return database.run(insert_resumption, run_id, timestamp_text(resumed_at));
}

}  // namespace fleet_sim::tables
