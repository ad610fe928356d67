#include "storage/run_reloads.h"

#include <string_view>

namespace fleet_sim {
namespace {

constexpr const char* create_table = R"sql(
CREATE TABLE IF NOT EXISTS run_reloads (
  run_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  at TEXT NOT NULL,
  changes TEXT NOT NULL,
  fleet_size INTEGER NOT NULL,
  config TEXT NOT NULL,
  config_hash TEXT NOT NULL,
  fleet_hash TEXT NOT NULL,
  PRIMARY KEY (run_id, number, at)
))sql";

constexpr std::string_view insert_reload =
    "INSERT OR IGNORE INTO run_reloads (run_id, number, at, changes, fleet_size, config, config_hash, "
    "fleet_hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

}  // namespace

StorageError record_reload(Database& database, const RunInfo& run, const RunReload& reload) {
  if (StorageError error = database.execute(create_table); !error.ok()) return error;
  Statement insert;
  if (StorageError error = database.prepare(insert_reload, insert); !error.ok()) return error;
  const std::string at = timestamp_text(reload.at);
  insert.bind(1, run.run_id);
  insert.bind(2, static_cast<std::int64_t>(reload.number));
  insert.bind(3, at);
  insert.bind(4, reload.changes);
  insert.bind(5, static_cast<std::int64_t>(reload.fleet_size));
  insert.bind(6, reload.config);
  insert.bind(7, reload.config_hash);
  insert.bind(8, reload.fleet_hash);
  return insert.run() == SQLITE_OK ? StorageError{} : database.error();
}

}  // namespace fleet_sim
