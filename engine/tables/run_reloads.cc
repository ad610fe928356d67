#include "tables/run_reloads.h"

#include <chrono>
#include <set>
#include <string_view>
#include <thread>
#include <vector>

namespace fleet_sim::tables {
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

constexpr std::string_view select_reloads_of_run =
    "SELECT number, at, changes, fleet_size, config, config_hash, fleet_hash FROM run_reloads "
    "WHERE run_id = ?1 ORDER BY number, at";

constexpr std::string_view select_numbers = "SELECT number FROM run_reloads WHERE run_id = ?1";

constexpr std::chrono::milliseconds lock_is_awaited{500};
constexpr std::chrono::milliseconds between_attempts{5};

// For as long as somebody else has the write lock, within bounds.
StorageError begin_when_unlocked(Database& database) {
  const auto until = std::chrono::steady_clock::now() + lock_is_awaited;
  StorageError error = database.execute("BEGIN IMMEDIATE");
  while (error.busy() && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(between_attempts);
    error = database.execute("BEGIN IMMEDIATE");
  }
  return error;
}

// Those that a shard lacks, up to this one.
StorageError record_missing(Database& database, const RunInfo& run, const identity::Roster& roster,
                            std::uint64_t until, std::vector<std::uint64_t>& recorded) {
  std::set<std::uint64_t> known;
  StorageError error = database.execute(create_run_reloads);
  if (error.ok()) {
    error = database.query(
        select_numbers,
        [&](const Statement& row) { known.insert(static_cast<std::uint64_t>(row.integer(0))); }, run.run_id);
  }
  for (std::size_t i = 0; error.ok() && i < until; ++i) {
    const RunReload& reload = (*run.reloads)[i];
    if (known.contains(reload.number)) continue;
    error = record_reload(database, run, roster, reload);
    recorded.push_back(reload.number);
  }
  return error;
}

bool has_rows_of(Database& database, const std::string& run_id) {
  Statement row;
  if (!database.has_table("run_info")) return false;
  if (!database.prepare("SELECT 1 FROM run_info WHERE run_id = ?1", row).ok()) return false;
  row.bind(1, run_id);
  return row.step() == SQLITE_ROW;
}

}  // namespace

StorageError record_start(Database& database, const RunInfo& run, const identity::Roster& roster) {
  if (run.reloads == nullptr) return {};
  const IdentityEntry& start = run.reloads->began_with();
  if (start.identities.empty() || !run.reloads->records_identities(0, start.identities.size(), database))
    return {};
  return record_identities(database, run.run_id, roster, start);
}

StorageError record_reload(Database& database, const RunInfo& run, const identity::Roster& roster,
                           const RunReload& reload) {
  if (StorageError error = database.execute(create_run_reloads); !error.ok()) return error;
  const StorageError error =
      database.run(insert_reload, run.run_id, static_cast<std::int64_t>(reload.number),
                   timestamp_text(reload.at), reload.changes, static_cast<std::int64_t>(reload.fleet_size),
                   reload.config, reload.config_hash, reload.fleet_hash);
  const std::size_t identities = reload.identities.size() + reload.removed.size();
  if (!error.ok() || run.reloads == nullptr ||
      !run.reloads->records_identities(reload.number, identities, database))
    return error;
  return record_identities(database, run.run_id, roster,
                           {reload.number, reload.at, reload.identities, reload.removed});
}

bool record_reload_now(const std::string& path, const RunInfo& run, const identity::Roster& roster,
                       const RunReload& reload, const std::string& vfs) {
  Database database;
  if (!database.open_existing(path, vfs).ok() || !has_rows_of(database, run.run_id)) return false;
  StorageError error = begin_when_unlocked(database);
  std::vector<std::uint64_t> recorded;
  if (error.ok()) error = record_missing(database, run, roster, reload.number, recorded);
  if (error.ok()) error = database.execute("COMMIT");
  if (database.in_transaction()) database.execute("ROLLBACK");
  if (!error.ok()) return false;
  for (const std::uint64_t number : recorded) run.reloads->note_recorded(number, database);
  return true;
}

StorageError read_reloads(Database& database, const std::string& run_id, std::vector<RunReload>& reloads) {
  if (!database.has_table("run_reloads")) return {};
  const auto take = [&](const Statement& row) {
    const auto at = parse_timestamp(row.text(1));
    if (!at) return StorageError{SQLITE_CORRUPT, "run_reloads contains an invalid time"};
    reloads.push_back({static_cast<std::uint64_t>(row.integer(0)), *at, std::string(row.text(2)),
                       static_cast<std::uint64_t>(row.integer(3)), std::string(row.text(4)),
                       std::string(row.text(5)), std::string(row.text(6))});
    return StorageError{};
  };
  return database.query(select_reloads_of_run, take, run_id);
}

}  // namespace fleet_sim::tables
