// The tables of a shard, and what to do with a file that already has some: appended to when they match,
// migrated when they are an older known form, refused otherwise. Nothing is ever dropped but the collector's
// index, if the config says so. Runs when a shard is opened, on its writer's thread; errors are values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "tables/database.h"
#include "types/built_in_type.h"

namespace fleet_sim::tables {

inline constexpr std::int64_t schema_version = 4;  // PRAGMA user_version

// What a scenario did to whom (batch::FleetEvent). Files of runs without a scenario do not have it.
inline constexpr const char* create_fleet_events =
    "CREATE TABLE IF NOT EXISTS fleet_events (id INTEGER PRIMARY KEY, run_id TEXT NOT NULL, name TEXT NOT "
    "NULL, "
    "sensor_id TEXT NOT NULL, verb TEXT NOT NULL, what TEXT NOT NULL, started_at TEXT NOT NULL, ended_at "
    "TEXT, "
    "silent_until TEXT, failed INTEGER NOT NULL);"
    "CREATE INDEX IF NOT EXISTS fleet_events_of_sensor ON fleet_events (sensor_id, started_at);";

class RunReloads;

// What a run is, in one place: the row of `run_info` that every shard of the run gets.
struct RunInfo {
  std::string run_id;
  std::string version;
  std::uint64_t seed = 0;
  Timestamp start = 0;
  Timestamp began_at = 0;               // wall clock, as is …
  std::optional<Timestamp> resumed_at;  // … of the running process, if it resumed the run
  std::uint64_t fleet_size = 0;
  std::string partition;
  std::string shard_by;
  std::string config;                   // the whole effective config as YAML
  std::string config_hash;              // of what in it decides readings
  std::string fleet_hash;               // of the identities; empty in files of an older version
  std::string zone_data;                // version of the time zone data; empty: unknown
  std::string spread;                   // what severities counted in as it began, as JSON; empty: in nothing
  const RunReloads* reloads = nullptr;  // none: a run that is not reloaded, or was read back
};

// Sets the connection up (WAL, synchronous, page and cache size, checkpoints), then creates, accepts or
// migrates the tables for readings of these channels. SQLITE_MISMATCH, with a message that says what is
// wrong, if the file is not ours or has other channels.
StorageError prepare_schema(Database& database, const config::SqliteSettings& settings,
                            const types::Schema& schema = types::built_in_type().schema);

// The same for a file that is new, and that nobody else knows of before it is whole: it keeps no log, and is
// not worth waiting for the disk.
StorageError prepare_nameless(Database& database, const config::SqliteSettings& settings,
                              const types::Schema& schema = types::built_in_type().schema);

// Sets up another connection to a file that prepare_schema has accepted.
StorageError prepare_connection(Database& database, const config::SqliteSettings& settings);

// Begins a transaction that writes, the first one in a log that was not there before. The connection may then
// not wait for the disk until wait_for_disk says so.
StorageError begin_log(Database& database, config::Synchronous synchronous);

// From now on, and not within a transaction.
StorageError wait_for_disk(Database& database, config::Synchronous synchronous);

// Adds a commit to the log of a file that is ours, and leaves the file as it is.
StorageError commit_nothing(Database& database);

// Looks at an existing file without changing it; the same verdict as prepare_schema.
StorageError check_schema(Database& database, const types::Schema& schema);

// The same for a file that may have any channels.
StorageError check_schema(Database& database);

// Which channels a file's readings have: those of its own table, and none where it has no readings yet. The
// same verdict as check_schema.
StorageError read_schema(Database& database, types::Schema& schema);

// The tables of readings in a central database, into which scripts/collect moves rows: one for each type of
// sensor (Schema::readings_name), that of the built-in one first. None in a shard or any other file.
StorageError find_central_readings(Database& database, std::vector<std::string>& tables);

// Lets a connection that reads a central database see the tables of a shard whose readings are those of
// `table`: as views, for this connection only. A table that has less than the shard's appears empty. The
// events of a shard of an earlier version appear as those of now, injected ones where the file marks them.
// Changes nothing for a shard of now, or for any other file.
StorageError present_as_shard(Database& database, std::string_view table = "sensor_readings");

// The highest ids that a file has, or had before a new one was begun in its place.
struct LastIds {
  std::int64_t reading = 0;
  std::int64_t event = 0;
};
StorageError read_last_ids(Database& database, LastIds& ids);
// Those before the first ids that a run of the file was given, which it may have left without a row.
StorageError read_ids_before_runs(Database& database, LastIds& ids);

// Inserts the run's row, unless this file has it already: with the ids that its first reading and its first
// event will have here, above those that have been.
StorageError record_run(Database& database, const RunInfo& run, const LastIds& last = {});

}  // namespace fleet_sim::tables
