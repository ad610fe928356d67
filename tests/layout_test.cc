// Compact files: what they show is what wide files have, and whoever knows only those can work with them.
#include <doctest/doctest.h>

#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/digest.h"
#include "sqlite/insert.h"
#include "sqlite/shard.h"
#include "support/rosters.h"
#include "support/shard_reader.h"
#include "support/temporary_folder.h"
#include "support/writer_rig.h"
#include "tables/schema.h"
#include "types/built_in_type.h"
#include "write/shard_rows.h"

namespace fleet_sim::layout_test {

using namespace fleet_sim::test;

namespace {

using Lines = std::vector<std::string>;

config::SqliteSettings settings_of(config::Layout layout) {
  config::SqliteSettings settings;
  settings.layout = layout;
  return settings;
}

tables::StorageError prepare(const std::string& path, config::Layout layout,
                             const types::Schema& schema = types::built_in_type().schema) {
  tables::Database database = opened(path);
  return tables::prepare_schema(database, settings_of(layout), schema);
}

// 30 readings a second apart of three sensors in turn, some anomalous.
void fill(const std::string& path, const identity::Roster& roster, config::Layout layout,
          Timestamp first = WriterRig::first_due) {
  const config::SqliteSettings settings = settings_of(layout);
  tables::RunInfo run;
  run.run_id = "test-run";
  const sqlite::ShardContext context{roster, settings, run, {}};
  sqlite::Shard shard({path}, context);
  write::ShardRows rows;
  for (std::uint32_t i = 0; i < 30; ++i) {
    const auto type = i % 10 == 0 ? std::optional(AnomalyType::spike) : std::nullopt;
    rows.stage(batch::Reading{first + i * second, {0.1 * i, 0.2 * i, -0.3 * i}, i % 3, type}, {});
  }
  REQUIRE(shard.flush(rows.lot()).ok());
  shard.close(sqlite::Shard::Close::for_good);
}

std::string plan_of(const std::string& path, const std::string& sql) {
  std::string text;
  for (const std::string& line : query(path, "EXPLAIN QUERY PLAN " + sql)) text += line + "\n";
  return text;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::string refusal(const std::string& path, const char* sql) {
  tables::Database database = opened(path);
  return database.execute(sql).message;
}

}  // namespace

TEST_CASE("a compact file shows the rows of a wide one, with its columns in their order") {
  const TemporaryFolder wide;
  const TemporaryFolder compact;
  const identity::Roster roster = roster_of(3);
  fill(wide / "a.db", roster, config::Layout::wide);
  fill(compact / "a.db", roster, config::Layout::compact);
  const std::string columns = "SELECT name FROM pragma_table_info('sensor_readings')";
  CHECK(query(compact / "a.db", columns) == query(wide / "a.db", columns));
  CHECK(query(compact / "a.db", "SELECT type FROM sqlite_schema WHERE name = 'sensor_readings'") ==
        Lines{"view"});
  REQUIRE(rows_of(wide / "a.db").size() == 30);
  CHECK(rows_of(compact / "a.db") == rows_of(wide / "a.db"));
  CHECK(query(compact / "a.db", "SELECT count(*) FROM sensor_readings WHERE anomaly_flag = '1'") ==
        query(wide / "a.db", "SELECT count(*) FROM sensor_readings WHERE anomaly_flag = '1'"));
  CHECK(data::digest_of(data::Sources(compact.path())).text() ==
        data::digest_of(data::Sources(wide.path())).text());
}

TEST_CASE("collectors find unsynced rows of a compact file through the index, without a scan or a sort") {
  const TemporaryFolder folder;
  const std::string path = folder / "a.db";
  REQUIRE(prepare(path, config::Layout::compact).ok());
  for (const char* columns : {"*", "id, sensor_id, timestamp"}) {
    const std::string poll = plan_of(
        path, fmt::format("SELECT {} FROM sensor_readings WHERE synced = 0 ORDER BY timestamp ASC LIMIT 100",
                          columns));
    CHECK(has(poll, "SCAN r USING INDEX sensor_readings_unsynced"));
    CHECK(!has(poll, "TEMP B-TREE"));
  }
  const std::string by_id =
      plan_of(path, "SELECT * FROM sensor_readings WHERE synced = 0 AND id > 7 ORDER BY id LIMIT 100");
  CHECK(has(by_id, "SEARCH r USING INTEGER PRIMARY KEY"));
  CHECK(!has(by_id, "TEMP B-TREE"));
  CHECK(has(plan_of(path, "UPDATE sensor_readings SET synced = 1 WHERE id IN (1, 2, 3)"),
            "SEARCH r USING INTEGER PRIMARY KEY"));
}

TEST_CASE("a condition on the sensor is looked up in the dictionary of a compact file") {
  const TemporaryFolder folder;
  const std::string path = folder / "a.db";
  fill(path, roster_of(3), config::Layout::compact);
  const std::string plan =
      plan_of(path, "SELECT avg(temperature) FROM sensor_readings WHERE sensor_id = 'sensor-1'");
  CHECK(plan.find("reading_sensors_of_id (sensor_id=?)") < plan.find("SCAN r"));
  CHECK(query(path, "SELECT count(*) FROM sensor_readings WHERE sensor_id = 'sensor-1'") == Lines{"10"});
}

TEST_CASE("queries within queries read the rows of a compact file first") {
  const TemporaryFolder folder;
  const std::string path = folder / "a.db";
  fill(path, roster_of(3), config::Layout::compact);
  for (const char* condition :
       {"timestamp > (SELECT timestamp FROM sensor_readings ORDER BY id DESC LIMIT 1)",
        "sensor_id = (SELECT sensor_id FROM sensor_readings LIMIT 1)"}) {
    const std::string plan =
        plan_of(path, fmt::format("SELECT temperature FROM sensor_readings WHERE {}", condition));
    CHECK(!has(plan, "AUTOMATIC"));
    CHECK(!has(plan, "TEMP B-TREE"));
  }
}

TEST_CASE("a compact file of an earlier version, whose view joins in any order, is ours") {
  const TemporaryFolder folder;
  const std::string path = folder / "a.db";
  fill(path, roster_of(3), config::Layout::compact);
  const auto rows = rows_of(path);
  std::string view = query(path, "SELECT sql FROM sqlite_schema WHERE type = 'view'").front();
  const std::size_t left = view.find("LEFT JOIN");
  REQUIRE(left != std::string::npos);
  view.erase(left, std::string_view("LEFT ").size());
  run_sql(path, ("DROP VIEW sensor_readings; " + view).c_str());
  CHECK(prepare(path, config::Layout::compact).ok());
  CHECK(rows_of(path) == rows);
}

TEST_CASE("rows of a compact file are marked and deleted under the name of the view, and nothing else") {
  const TemporaryFolder folder;
  const std::string path = folder / "a.db";
  fill(path, roster_of(3), config::Layout::compact);
  run_sql(path, "UPDATE sensor_readings SET synced = 1 WHERE id IN (2, 4)");
  CHECK(query(path, "SELECT id FROM sensor_readings WHERE synced = 1") == Lines{"2", "4"});
  run_sql(path, "UPDATE sensor_readings SET synced = 0 WHERE timestamp < '2027' AND sensor_id = 'sensor-0'");
  CHECK(query(path, "SELECT id FROM sensor_readings WHERE synced = 1") == Lines{"2"});
  run_sql(path, "DELETE FROM sensor_readings WHERE id <= 10");
  CHECK(ids_of(path) == Lines{"11|30|20"});
  const Lines before = query(path, "SELECT * FROM sensor_readings");
  CHECK(
      has(refusal(path, "INSERT INTO sensor_readings (timestamp, sensor_id) VALUES ('t', 's')"), "inserted"));
  CHECK(has(refusal(path, "UPDATE sensor_readings SET temperature = 1"), "only synced"));
  CHECK(has(refusal(path, "UPDATE sensor_readings SET synced = 1, location = 'here'"), "only synced"));
  CHECK(query(path, "SELECT * FROM sensor_readings") == before);
}

TEST_CASE("a file keeps the layout that it was made with") {
  const identity::Roster roster = roster_of(3);
  for (const auto& [made, later] : {std::pair(config::Layout::wide, config::Layout::compact),
                                    std::pair(config::Layout::compact, config::Layout::wide)}) {
    const TemporaryFolder folder;
    const std::string type = "SELECT type FROM sqlite_schema WHERE name = 'sensor_readings'";
    fill(folder / "a.db", roster, made);
    const Lines made_as = query(folder / "a.db", type);
    fill(folder / "a.db", roster, later, WriterRig::first_due + 1'000 * second);
    CHECK(query(folder / "a.db", type) == made_as);
    CHECK(ids_of(folder / "a.db") == Lines{"1|60|60"});
    CHECK(query(folder / "a.db", "SELECT count(*) FROM sensor_readings WHERE sensor_id = 'sensor-2'") ==
          Lines{"20"});
  }
}

TEST_CASE("a compact file gets the columns of delivery when a run first delivers into it") {
  const TemporaryFolder folder;
  const std::string path = folder / "a.db";
  const types::Schema& plain = types::built_in_type().schema;
  fill(path, roster_of(3), config::Layout::compact);
  REQUIRE(prepare(path, config::Layout::compact, plain.with_delivery()).ok());
  CHECK(query(path, "SELECT name FROM pragma_table_info('sensor_readings') WHERE cid > 12") ==
        Lines{"synced", "sequence", "due", "arrived_at"});
  CHECK(query(path, "SELECT count(*), count(due) FROM sensor_readings") == Lines{"30|0"});
  run_sql(path, "UPDATE sensor_readings SET synced = 1 WHERE id = 3");
  CHECK(query(path, "SELECT id FROM sensor_readings WHERE synced = 1") == Lines{"3"});
  // And rows without them still go into it.
  fill(path, roster_of(3), config::Layout::wide, WriterRig::first_due + 1'000 * second);
  CHECK(ids_of(path) == Lines{"1|60|60"});
}

TEST_CASE("the index of a compact file comes and goes with the setting") {
  const TemporaryFolder folder;
  const std::string path = folder / "a.db";
  config::SqliteSettings settings = settings_of(config::Layout::compact);
  for (const bool wanted : {true, false, true}) {
    settings.unsynced_index = wanted;
    tables::Database database = opened(path);
    REQUIRE(tables::prepare_schema(database, settings).ok());
    database.close();
    CHECK(query(path, "SELECT tbl_name FROM sqlite_schema WHERE name = 'sensor_readings_unsynced'") ==
          (wanted ? Lines{"readings"} : Lines{}));
  }
}

TEST_CASE("a view that is not the one we make is refused") {
  for (const char* change :
       {"DROP VIEW sensor_readings; CREATE VIEW sensor_readings AS SELECT * FROM readings",
        "ALTER TABLE readings ADD COLUMN note TEXT",
        "DROP VIEW sensor_readings; DROP TABLE readings; "
        "CREATE VIEW sensor_readings AS SELECT 1 AS id"}) {
    const TemporaryFolder folder;
    const std::string path = folder / "a.db";
    REQUIRE(prepare(path, config::Layout::compact).ok());
    run_sql(path, change);
    CHECK(prepare(path, config::Layout::compact).foreign());
  }
}

TEST_CASE("sensors whose first rows were undone are numbered with the next ones") {
  const TemporaryFolder folder;
  const std::string path = folder / "a.db";
  REQUIRE(prepare(path, config::Layout::compact).ok());
  const identity::Roster roster = roster_of(200);
  tables::Database database = opened(path);
  sqlite::ReadingInsert insert(database, roster, types::built_in_type().schema);
  batch::Rows rows;
  for (std::uint32_t sensor = 0; sensor < 200; ++sensor)
    rows.push_back(batch::Reading{WriterRig::first_due, {1, 2, 3}, sensor, {}});
  REQUIRE(database.execute("BEGIN").ok());
  REQUIRE(insert.insert(rows, 0) == SQLITE_OK);
  REQUIRE(database.execute("ROLLBACK").ok());
  insert.note_undone();
  for (int times = 0; times < 2; ++times) REQUIRE(insert.insert(rows, 0) == SQLITE_OK);
  CHECK(query(path, "SELECT count(*), count(DISTINCT sensor_id) FROM sensor_readings") == Lines{"400|200"});
  CHECK(query(path, "SELECT count(*) FROM reading_sensors") == Lines{"200"});
}

TEST_CASE("what is said of a sensor is kept as it was when it was read") {
  const TemporaryFolder folder;
  const std::string path = folder / "a.db";
  REQUIRE(prepare(path, config::Layout::compact).ok());
  identity::Roster roster = roster_of(1);
  const identity::Text upgraded = roster.intern("2.0");
  const identity::OverlayIndex overlay = roster.overlays().with(0, {.firmware_version = upgraded});
  batch::Rows rows;
  for (const identity::OverlayIndex over : {identity::OverlayIndex{0}, overlay, identity::OverlayIndex{0}}) {
    const batch::Rows::Head head{WriterRig::first_due, 0, {}, 0, over};
    rows.push(head, std::vector<double>{1, 2, 3});
  }
  tables::Database database = opened(path);
  sqlite::ReadingInsert insert(database, roster, types::built_in_type().schema);
  REQUIRE(insert.insert(rows, 0) == SQLITE_OK);
  CHECK(query(path, "SELECT firmware_version FROM sensor_readings ORDER BY id") ==
        Lines{"1.3", "2.0", "1.3"});
  CHECK(query(path, "SELECT count(*) FROM reading_sensors") == Lines{"2"});
}

TEST_CASE("a file that is begun in the place of a compact one is compact, with ids above the last") {
  WriterRig rig({}, [](config::Config& config) { config.sqlite.layout = config::Layout::compact; });
  rig.send(0, 30);
  rig.run_for(2 * second);
  for (const char* ending : {"", "-wal", "-shm"}) std::filesystem::remove(rig.path_of(0) + ending);
  rig.send(0, 12);
  rig.finish();
  CHECK(ids_of(rig.path_of(0)) == Lines{"31|42|12"});
  CHECK(query(rig.path_of(0), "SELECT type FROM sqlite_schema WHERE name = 'sensor_readings'") ==
        Lines{"view"});
  CHECK(query(rig.path_of(0), "SELECT count(*) FROM readings") == Lines{"12"});
}

}  // namespace fleet_sim::layout_test
