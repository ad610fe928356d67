#include "sqlite/run_reloads.h"

#include <string_view>

namespace fleet_sim::sqlite {
namespace {

constexpr const char* create_run_reloads = R"sql(
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
  if (StorageError error = database.execute(create_run_reloads); !error.ok()) return error;
  return database.run(insert_reload, run.run_id, static_cast<std::int64_t>(reload.number),
                      timestamp_text(reload.at), reload.changes, static_cast<std::int64_t>(reload.fleet_size),
                      reload.config, reload.config_hash, reload.fleet_hash);
}

}  // namespace fleet_sim::sqlite
