#include "tables/run_losses.h"

#include <string_view>

namespace fleet_sim::tables {
namespace {

constexpr const char* create_run_losses =
    "CREATE TABLE IF NOT EXISTS run_losses (run_id TEXT PRIMARY KEY, since TEXT NOT NULL)";
constexpr std::string_view insert_loss = "INSERT OR IGNORE INTO run_losses (run_id, since) VALUES (?1, ?2)";
constexpr std::string_view find_loss = "SELECT 1 FROM run_losses WHERE run_id = ?1";

}  // namespace

StorageError record_loss(Database& database, const std::string& run_id, Timestamp since) {
  if (StorageError error = database.execute(create_run_losses); !error.ok()) return error;
  return database.run(insert_loss, run_id, timestamp_text(since));
}

StorageError has_losses(Database& database, const std::string& run_id, bool& answer) {
  answer = false;
  if (!database.has_table("run_losses")) return {};
  return database.query(
      find_loss, [&](const Statement&) { answer = true; }, run_id);
}

}  // namespace fleet_sim::tables
