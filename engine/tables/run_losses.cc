#include "tables/run_losses.h"

#include <cstdint>
#include <string_view>

namespace fleet_sim::tables {
namespace {

constexpr const char* create_run_losses =
    "CREATE TABLE IF NOT EXISTS run_losses (run_id TEXT NOT NULL, shard TEXT NOT NULL, reason TEXT NOT NULL, "
    "since TEXT NOT NULL, until TEXT, rows INTEGER, PRIMARY KEY (run_id, shard, reason, since))";
// Earlier versions recorded one moment of a run.
constexpr const char* rename_earlier = "ALTER TABLE run_losses RENAME TO run_losses_before";
constexpr const char* take_over_earlier =
    "INSERT INTO run_losses (run_id, shard, reason, since) SELECT run_id, '', '', since FROM "
    "run_losses_before; DROP TABLE run_losses_before";
constexpr std::string_view count_reason_columns =
    "SELECT count(*) FROM pragma_table_info('run_losses') WHERE name = 'reason'";
constexpr std::string_view insert_loss =
    "INSERT OR REPLACE INTO run_losses (run_id, shard, reason, since, until, rows) VALUES (?1, ?2, ?3, ?4, "
    "?5, ?6)";
constexpr std::string_view find_loss = "SELECT 1 FROM run_losses WHERE run_id = ?1";

StorageError prepare_run_losses(Database& database) {
  const bool is_earlier =
      database.has_table("run_losses") && database.query_integer(count_reason_columns, 1) == 0;
  StorageError error = is_earlier ? database.execute(rename_earlier) : StorageError{};
  if (error.ok()) error = database.execute(create_run_losses);
  if (error.ok() && is_earlier) error = database.execute(take_over_earlier);
  return error;
}

}  // namespace

StorageError record_loss(Database& database, const std::string& run_id, const std::string& shard,
                         const Loss& loss) {
  if (StorageError error = prepare_run_losses(database); !error.ok()) return error;
  Statement insert;
  if (StorageError error = database.prepare(insert_loss, insert); !error.ok()) return error;
  const std::string since = timestamp_text(loss.since);
  const std::string until = timestamp_text(loss.until);
  insert.bind(1, run_id);
  insert.bind(2, shard);
  insert.bind(3, loss.reason);
  insert.bind(4, since);
  insert.bind(5, until);
  insert.bind_null(6);
  if (loss.rows) insert.bind(6, static_cast<std::int64_t>(*loss.rows));
  return database.error_of(insert.run());
}

StorageError has_losses(Database& database, const std::string& run_id, bool& answer) {
  answer = false;
  if (!database.has_table("run_losses")) return {};
  return database.query(
      find_loss, [&](const Statement&) { answer = true; }, run_id);
}

}  // namespace fleet_sim::tables
