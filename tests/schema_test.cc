// The tables of a shard on real SQLite files: made, accepted, migrated or refused.
#include <doctest/doctest.h>

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "data/data_directory.h"
#include "data/digest.h"
#include "sqlite/shard_key.h"
#include "sqlite/shard_plan.h"
#include "support/faulty_vfs.h"
#include "support/rosters.h"
#include "support/shard_reader.h"
#include "support/temporary_folder.h"
#include "support/writer_rig.h"
#include "tables/schema.h"

namespace fleet_sim::schema_test {

using namespace fleet_sim::test;

namespace fs = std::filesystem;

namespace {

tables::StorageError prepare(const std::string& path, const config::SqliteSettings& settings = {}) {
  tables::Database database = opened(path);
  return tables::prepare_schema(database, settings);
}

tables::StorageError check(const std::string& path) {
  tables::Database database;
  if (tables::StorageError error = database.open_to_read(path); !error.ok()) return error;
  return tables::check_schema(database, types::built_in_type().schema);
}

constexpr const char* without_synced_columns =
    "id INTEGER PRIMARY KEY, timestamp TEXT NOT NULL, sensor_id TEXT NOT NULL, temperature REAL, vibration "
    "REAL, "
    "voltage REAL, status_code INTEGER, anomaly_flag INTEGER, anomaly_type TEXT, firmware_version TEXT, "
    "model TEXT, "
    "manufacturer TEXT, location TEXT";

}  // namespace

TEST_CASE("a new file gets the tables of a shard") {
  const TemporaryFolder folder;
  REQUIRE(prepare(folder / "new.db").ok());
  CHECK(query(folder / "new.db",
              "SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_info('sensor_readings')") ==
        std::vector<std::string>{
            "id|INTEGER|0|NULL|1", "timestamp|TEXT|1|NULL|0", "sensor_id|TEXT|1|NULL|0",
            "temperature|REAL|0|NULL|0", "vibration|REAL|0|NULL|0", "voltage|REAL|0|NULL|0",
            "status_code|INTEGER|0|NULL|0", "anomaly_flag|INTEGER|0|NULL|0", "anomaly_type|TEXT|0|NULL|0",
            "firmware_version|TEXT|0|NULL|0", "model|TEXT|0|NULL|0", "manufacturer|TEXT|0|NULL|0",
            "location|TEXT|0|NULL|0", "synced|INTEGER|0|0|0"});
  CHECK(query(folder / "new.db", "SELECT name FROM pragma_table_info('anomaly_events')") ==
        std::vector<std::string>{"id", "sensor_id", "anomaly_type", "channel", "direction", "magnitude",
                                 "started_at", "ended_at", "readings_affected", "severity", "sigma", "cause",
                                 "scenario", "fails_at"});
  CHECK(query(folder / "new.db", "SELECT count(*) FROM pragma_table_info('run_info')") ==
        std::vector<std::string>{"15"});
  CHECK(query(folder / "new.db", "PRAGMA user_version") == std::vector<std::string>{"4"});
  CHECK(query(folder / "new.db", "PRAGMA journal_mode") == std::vector<std::string>{"wal"});
  CHECK(check(folder / "new.db").ok());
}

TEST_CASE("a word that SQL needs no quotes around may name a channel, and no other may") {
  const TemporaryFolder folder;
  std::string columns;
  for (int i = 0; i < sqlite3_keyword_count(); ++i) {
    const char* word = nullptr;
    int size = 0;
    REQUIRE(sqlite3_keyword_name(i, &word, &size) == SQLITE_OK);
    const std::string name(word, static_cast<std::size_t>(size));
    if (types::Schema::problem_of_name(name).empty()) columns += (columns.empty() ? "" : ", ") + name;
  }
  CHECK(columns.find("KEY") != columns.npos);
  CHECK(columns.find("ORDER") == columns.npos);
  run_sql(folder / "words.db", "CREATE TABLE words (" + columns + ")");
  CHECK(query(folder / "words.db", "SELECT " + columns + " FROM words").empty());
}

TEST_CASE("a connection is set up as the config says") {
  const TemporaryFolder folder;
  for (const auto& [mode, number] :
       {std::pair(config::Synchronous::off, 0), std::pair(config::Synchronous::normal, 1),
        std::pair(config::Synchronous::full, 2)}) {
    config::SqliteSettings settings;
    settings.synchronous = mode;
    settings.page_size = 8'192;
    settings.cache_kib = 2'048;
    settings.checkpoint_pages = 77;
    tables::Database database = opened(folder / "set.db");
    REQUIRE(tables::prepare_schema(database, settings).ok());
    CHECK(database.query_integer("PRAGMA synchronous", -1) == number);
    CHECK(database.query_integer("PRAGMA page_size", -1) == 8'192);
    CHECK(database.query_integer("PRAGMA cache_size", -1) == -2'048);
    CHECK(database.query_integer("PRAGMA wal_autocheckpoint", -1) == 77);
  }
}

TEST_CASE("opening a shard again changes nothing in it") {
  const TemporaryFolder folder;
  REQUIRE(prepare(folder / "a.db").ok());
  const std::string before = bytes_of(folder / "a.db");
  REQUIRE(prepare(folder / "a.db").ok());
  CHECK(bytes_of(folder / "a.db") == before);
}

TEST_CASE("the older form gets its missing column and keeps its rows") {
  const TemporaryFolder folder;
  const std::string path = folder / "old.db";
  run_sql(path, std::string("CREATE TABLE sensor_readings (") + without_synced_columns + ")");
  run_sql(path,
          "INSERT INTO sensor_readings (timestamp, sensor_id, temperature) VALUES ('t1', 'a', 1.5), ('t2', "
          "'b', 2)");
  CHECK(check(path).ok());
  REQUIRE(prepare(path).ok());
  CHECK(query(path, "SELECT id, timestamp, sensor_id, temperature, synced FROM sensor_readings") ==
        std::vector<std::string>{"1|t1|a|1.5|0", "2|t2|b|2.0|0"});
  CHECK(query(path, "SELECT name FROM pragma_table_info('sensor_readings') WHERE cid = 13") ==
        std::vector<std::string>{"synced"});
}

TEST_CASE("a file of version 1 gets the columns that tell where a run's rows begin, and can be read before") {
  const TemporaryFolder folder;
  const std::string path = folder / "version-1.db";
  REQUIRE(prepare(path).ok());
  run_sql(
      path,
      "DROP TABLE run_info; CREATE TABLE run_info (run_id TEXT PRIMARY KEY, seed INTEGER NOT NULL, version "
      "TEXT NOT NULL, config TEXT NOT NULL, config_hash TEXT NOT NULL, start TEXT NOT NULL, began_at TEXT "
      "NOT "
      "NULL, fleet_size INTEGER NOT NULL, partition TEXT NOT NULL, shard_by TEXT NOT NULL);"
      "INSERT INTO run_info VALUES ('old', 5, '0.0.9', 'a: b', 'ff', '2026-01-01T00:00:00.000000Z', "
      "'2026-01-02T00:00:00.000000Z', 3, '1/2', 'none'); PRAGMA user_version = 1");
  CHECK(check(path).ok());
  for (int attempt = 0; attempt < 2; ++attempt) {
    tables::Database shard = data::open_shard(path);
    const std::vector<data::RecordedRun> runs = data::read_runs(shard, path);
    REQUIRE(runs.size() == 1);
    CHECK(runs[0].run_id == "old");
    CHECK(runs[0].seed == 5);
    CHECK(timestamp_text(runs[0].start) == "2026-01-01T00:00:00.000000Z");
    CHECK(runs[0].partition == "1/2");
    CHECK(runs[0].fleet_hash.empty());
    CHECK(runs[0].first_reading_id <= 1);
    REQUIRE(prepare(path).ok());  // the second time after the migration
  }
  CHECK(query(path, "SELECT run_id, fleet_hash, first_reading_id, first_event_id, zone_data FROM run_info") ==
        std::vector<std::string>{"old|NULL|NULL|NULL|NULL"});
}

TEST_CASE(
    "a file of version 2 gets the column that tells which zone data a run had, and can be read before") {
  const TemporaryFolder folder;
  const std::string path = folder / "version-2.db";
  REQUIRE(prepare(path).ok());
  run_sql(path,
          "INSERT INTO run_info VALUES ('old', 5, '0.1.0', 'a: b', 'ff', '2026-01-01T00:00:00.000000Z', "
          "'2026-01-02T00:00:00.000000Z', 3, '1/2', 'none', 'abcd', 7, 8, NULL, NULL); "
          "ALTER TABLE run_info DROP COLUMN spread; ALTER TABLE run_info DROP COLUMN zone_data; PRAGMA "
          "user_version = 2");
  CHECK(check(path).ok());
  for (int attempt = 0; attempt < 2; ++attempt) {
    tables::Database shard = data::open_shard(path);
    const std::vector<data::RecordedRun> runs = data::read_runs(shard, path);
    REQUIRE(runs.size() == 1);
    CHECK(runs[0].fleet_hash == "abcd");
    CHECK(runs[0].first_reading_id == 7);
    CHECK(runs[0].first_event_id == 8);
    CHECK(runs[0].zone_data.empty());
    REQUIRE(prepare(path).ok());  // the second time after the migration
  }
  CHECK(query(path, "SELECT run_id, first_event_id, zone_data FROM run_info") ==
        std::vector<std::string>{"old|8|NULL"});
  CHECK(query(path, "PRAGMA user_version") == std::vector<std::string>{"4"});
}

TEST_CASE("events of version 3 say who caused them, before and after the file is migrated") {
  const TemporaryFolder folder;
  const std::string path = folder / "version-3.db";
  REQUIRE(prepare(path).ok());
  for (const char* column : {"severity", "sigma", "cause", "scenario", "fails_at"})
    run_sql(path, std::string("ALTER TABLE anomaly_events DROP COLUMN ") + column);
  run_sql(path,
          "ALTER TABLE run_info DROP COLUMN spread; INSERT INTO run_info VALUES ('old', 5, '0.9.0', 'a: b', "
          "'ff', '2026-01-01T00:00:00.000000Z', '2026-01-02T00:00:00.000000Z', 3, '1/2', 'none', 'abcd', 7, "
          "8, 'x');"
          "INSERT INTO anomaly_events VALUES (8, 'a', 'spike', NULL, 1, 2.5, 't1', 't1', 1), (9, 'b', "
          "'trend', NULL, 1, .5, 't2', NULL, 3);"
          "CREATE TABLE injected_anomalies (event_id INTEGER PRIMARY KEY); INSERT INTO injected_anomalies "
          "VALUES (9); PRAGMA user_version = 3");
  CHECK(check(path).ok());
  for (int attempt = 0; attempt < 2; ++attempt) {
    CAPTURE(attempt);
    tables::Database shard = data::open_shard(path);
    CHECK(tables::check_schema(shard).ok());
    std::vector<std::string> events;
    const auto take = [&](const tables::Statement& row) { events.emplace_back(row.text(0)); };
    REQUIRE(shard
                .query("SELECT id || ' ' || magnitude || ' ' || cause || ' ' || coalesce(severity, sigma, "
                       "scenario, fails_at, '-') FROM anomaly_events ORDER BY id",
                       take)
                .ok());
    CHECK(events == std::vector<std::string>{"8 2.5 drawn -", "9 0.5 injected -"});
    const std::vector<data::RecordedRun> runs = data::read_runs(shard, path);
    REQUIRE(runs.size() == 1);
    CHECK(runs[0].zone_data == "x");
    CHECK(runs[0].spread.empty());
    REQUIRE(prepare(path).ok());  // the second time after the migration
  }
  CHECK(query(path, "SELECT event_id, duration FROM injected_anomalies") ==
        std::vector<std::string>{"9|NULL"});
  CHECK(query(path, "PRAGMA user_version") == std::vector<std::string>{"4"});
}

TEST_CASE("files of other forms are refused with a clear message and left as they are") {
  const TemporaryFolder folder;
  struct Foreign {
    const char* sql;
    const char* message;
  };
  const std::string older(without_synced_columns);
  const std::string more = "CREATE TABLE sensor_readings (" + older + ", synced INTEGER, extra TEXT)";
  const std::string swapped =
      "CREATE TABLE sensor_readings (id INTEGER PRIMARY KEY, sensor_id TEXT, timestamp TEXT)";
  const std::string current = older + ", synced INTEGER DEFAULT 0";
  std::string own_id = "CREATE TABLE sensor_readings (" + current + ")";
  own_id.replace(own_id.find("id INTEGER"), 10, "id TEXT");
  const std::string no_default = "CREATE TABLE sensor_readings (" + older + ", synced INTEGER)";
  const std::array<Foreign, 10> foreign{
      {{more.c_str(), "has a table sensor_readings with different columns"},
       {swapped.c_str(), "has a table sensor_readings with different columns"},
       {"CREATE TABLE anomaly_events (id INTEGER PRIMARY KEY, sensor_id TEXT)",
        "has a table anomaly_events with different columns"},
       {"CREATE TABLE run_info (name TEXT)", "has a table run_info with different columns"},
       {"CREATE VIEW sensor_readings AS SELECT 1 AS id",
        "has a table sensor_readings with different columns"},
       {own_id.c_str(), "has a table sensor_readings with different columns"},
       {no_default.c_str(), "has a table sensor_readings with different columns"},
       {"CREATE TABLE x (y)", "has tables, but no sensor_readings"},
       {"PRAGMA user_version = -5; CREATE TABLE x (y)", "is not a fleet-sim file (schema version -5"},
       {"PRAGMA user_version = 5; CREATE TABLE x (y)",
        "is from a newer fleet-sim (schema version 5, this version reads up to 4)"}}};
  for (const auto& [sql, message] : foreign) {
    const std::string path = folder / "foreign.db";
    fs::remove(path);
    run_sql(path, sql);
    const std::string before = bytes_of(path);
    CAPTURE(sql);
    for (const tables::StorageError& error : {check(path), prepare(path)}) {
      CHECK(error.code == SQLITE_MISMATCH);
      CHECK(error.message.find(message) != std::string::npos);
      CHECK(error.message.find("move the file away or choose another data directory") != std::string::npos);
    }
    CHECK(bytes_of(path) == before);
  }
}

TEST_CASE("a file that is no database is refused and left as it is") {
  const TemporaryFolder folder;
  const std::string path = folder / "letter.db";
  std::ofstream(path) << std::string(5'000, 'x');
  CHECK((check(path).code & 0xFF) == SQLITE_NOTADB);
  CHECK((prepare(path).code & 0xFF) == SQLITE_NOTADB);
  CHECK(bytes_of(path) == std::string(5'000, 'x'));
}

TEST_CASE("before a run, every file that cannot be appended to is a problem") {
  const TemporaryFolder folder;
  REQUIRE(prepare(folder / "good.db").ok());
  run_sql(folder / "foreign.db", "CREATE TABLE sensor_readings (id INTEGER)");
  std::ofstream(folder / "letter.db") << std::string(5'000, 'x');
  std::ofstream(folder / "empty.db");
  const write::Targets targets = {{{folder / "good.db"}, {folder / "absent.db"}},
                                  {{folder / "foreign.db"}, {folder / "letter.db"}, {folder / "empty.db"}}};
  Problems problems;
  sqlite::check_shard_files(targets, problems);
  CHECK(problems.count() == 2);
  CHECK(problems.text().find("foreign.db: cannot be appended to: has a table sensor_readings") !=
        std::string::npos);
  CHECK(problems.text().find("letter.db: cannot be appended to: file is not a database") !=
        std::string::npos);
  CHECK_FALSE(fs::exists(folder / "absent.db"));
}

TEST_CASE("collectors find unsynced rows through the index, without a scan or a sort") {
  const TemporaryFolder folder;
  REQUIRE(prepare(folder / "a.db").ok());
  const auto plan_text = [&](const std::string& sql) {
    std::string text;
    for (const std::string& line : query(folder / "a.db", "EXPLAIN QUERY PLAN " + sql)) text += line + "\n";
    return text;
  };
  const std::string poll =
      plan_text("SELECT * FROM sensor_readings WHERE synced = 0 ORDER BY timestamp ASC LIMIT 100");
  CHECK(poll.find("USING INDEX sensor_readings_unsynced") != std::string::npos);
  CHECK(poll.find("TEMP B-TREE") == std::string::npos);
  const std::string mark = plan_text("UPDATE sensor_readings SET synced = 1 WHERE id IN (1, 2, 3)");
  CHECK(mark.find("USING INTEGER PRIMARY KEY") != std::string::npos);

  config::SqliteSettings settings;
  settings.unsynced_index = false;
  const std::string indexes = "SELECT count(*) FROM sqlite_schema WHERE name = 'sensor_readings_unsynced'";
  REQUIRE(prepare(folder / "a.db", settings).ok());
  CHECK(query(folder / "a.db", indexes) == std::vector<std::string>{"0"});
  REQUIRE(prepare(folder / "a.db").ok());
  CHECK(query(folder / "a.db", indexes) == std::vector<std::string>{"1"});
}

TEST_CASE("a run is recorded once per file, whole") {
  const TemporaryFolder folder;
  tables::RunInfo run;
  run.run_id = "2026-01-01T00:00:00-00000001";
  run.version = "0.1.0";
  run.seed = UINT64_MAX;
  run.start = 0;
  run.began_at = 1'500'000;
  run.fleet_size = 15;
  run.partition = "1/4";
  run.shard_by = "hash:4";
  run.config = "a: 'b'\n";
  run.config_hash = "00ff";
  run.fleet_hash = "abcd";
  run.zone_data = "2025b";
  tables::Database database = opened(folder / "a.db");
  REQUIRE(tables::prepare_schema(database, {}).ok());
  REQUIRE(
      database.execute("INSERT INTO sensor_readings (id, timestamp, sensor_id) VALUES (41, 't', 's')").ok());
  CHECK(tables::record_run(database, run).ok());
  REQUIRE(database.execute("INSERT INTO sensor_readings (timestamp, sensor_id) VALUES ('t', 's')").ok());
  CHECK(tables::record_run(database, run).ok());
  CHECK(query(folder / "a.db", "SELECT * FROM run_info") ==
        std::vector<std::string>{
            "2026-01-01T00:00:00-00000001|-1|0.1.0|a: 'b'\n|00ff|1970-01-01T00:00:00.000000Z|"
            "1970-01-01T00:00:01.500000Z|15|1/4|hash:4|abcd|42|1|2025b|NULL"});
}

}  // namespace fleet_sim::schema_test
