// What the next run completes of one that was killed.
#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/timestamp.h"
#include "config/config.h"
#include "sqlite/shard_key.h"
#include "support/shard_reader.h"
#include "support/temporary_folder.h"
#include "support/writer_rig.h"
#include "tables/complete_run.h"
#include "tables/run_losses.h"
#include "tables/run_reloads.h"
#include "tables/schema.h"

namespace fleet_sim::complete_run_test {

using namespace fleet_sim::test;

namespace {

// A file as a killed run leaves it: two sensors, ten readings a second apart, the last `affected` of sensor-0
// anomalous, or not there; the event says 1, as it did when it began.
void write_killed_run(const std::string& path, const std::string& type, int affected,
                      const std::string& run = "old", const std::string& partition = "",
                      const std::string& sensor = "sensor-0") {
  tables::Database database = opened(path);
  REQUIRE(tables::prepare_schema(database, {}).ok());
  tables::RunInfo info;
  info.run_id = run;
  info.partition = partition;
  REQUIRE(tables::record_run(database, info).ok());
  std::string sql;
  for (int i = 0; i < 10; ++i) {
    const bool anomalous = i >= 10 - affected;
    const std::string at = "'2025-01-01T00:00:0" + std::to_string(i);
    sql += "INSERT INTO sensor_readings (timestamp, sensor_id) VALUES (" + at + ".600000Z', 'sensor-1');";
    if (anomalous && type == "missing_data") continue;
    if (anomalous && type == "dropout" && i % 2 == 0) continue;
    sql += "INSERT INTO sensor_readings (timestamp, sensor_id, anomaly_type) VALUES (" + at + ".500000Z', '" +
           sensor + "', " + (anomalous ? "'" + type + "'" : "NULL") + ");";
  }
  sql += "INSERT INTO anomaly_events (sensor_id, anomaly_type, started_at, readings_affected) VALUES ('" +
         sensor + "', '" + type + "', '2025-01-01T00:00:0" + std::to_string(10 - affected) + ".500000Z', 1);";
  REQUIRE(database.execute(sql.c_str()).ok());
}

std::vector<std::string> counts_of(const std::string& path) {
  return query(path, "SELECT ended_at IS NULL, readings_affected FROM anomaly_events ORDER BY id");
}

}  // namespace

TEST_CASE("the next run counts what the open events of a killed one had affected") {
  for (const char* type : {"trend", "missing_data"}) {
    CAPTURE(type);
    WriterRig rig({.sensors = 2}, [](config::Config& config) {
      config.sharding = {config::ShardKey::hash, 1};
    });
    const std::string path = rig.path_of(0);
    write_killed_run(path, type, 4);
    rig.send(0, 10);
    rig.step();
    // Of a gap no more than is certain: what was due in the last second may not have been committed any more.
    CHECK(counts_of(path) == std::vector<std::string>{std::string(type) == "trend" ? "1|4" : "1|3"});
    CHECK(query(path, "SELECT count(*) FROM sensor_readings WHERE timestamp > '2025-12'") ==
          std::vector<std::string>{"10"});
    CHECK(query(path, "SELECT run_id FROM run_info ORDER BY rowid") ==
          std::vector<std::string>{"old", "test-run"});
  }
}

TEST_CASE("of an event that leaves some readings, the next run counts what is certainly missing") {
  WriterRig rig({.sensors = 2}, [](config::Config& config) {
    config.sharding = {config::ShardKey::hash, 1};
  });
  const std::string path = rig.path_of(0);
  // Eight are due in it, seven certainly, and every other one is there.
  write_killed_run(path, "dropout", 8);
  rig.send(0, 10);
  rig.step();
  CHECK(counts_of(path) == std::vector<std::string>{"1|3"});
}

TEST_CASE(
    "an event that a scenario began between two readings shows nothing of how often its sensor is read") {
  const TemporaryFolder folder;
  const std::string path = folder / "one.db";
  write_killed_run(path, "missing_data", 4);
  tables::Database database = opened(path);
  constexpr const char* in_between =
      "UPDATE anomaly_events SET cause = 'scenario', started_at = '2025-01-01T00:00:05.600000Z'";
  REQUIRE(database.execute(in_between).ok());
  tables::RunInfo info;
  info.run_id = "new";
  REQUIRE(tables::record_run(database, info).ok());
  REQUIRE(tables::complete_run_before(database, "new").ok());
  // Four were due in it, of which the last second's may have come to nothing.
  CHECK(counts_of(path) == std::vector<std::string>{"1|2"});
}

TEST_CASE("completing a killed run goes back as far as it must and no further") {
  const TemporaryFolder folder;
  const auto complete_in = [](const std::string& path, const std::string& partition,
                              std::uint64_t most_rows) {
    tables::Database database = opened(path);
    tables::RunInfo info;
    info.run_id = "new";
    info.partition = partition;
    REQUIRE(tables::record_run(database, info).ok());
    REQUIRE(tables::complete_run_before(database, "new", most_rows).ok());
  };
  const std::string bounded = folder / "bounded.db";
  write_killed_run(bounded, "trend", 4);
  complete_in(bounded, "", 5);
  CHECK(counts_of(bounded) == std::vector<std::string>{"1|1"});

  // From the last run of the same partition on, whatever other partitions have written since.
  const std::string shared = folder / "shared.db";
  write_killed_run(shared, "noise", 6, "oldest", "1/2");
  write_killed_run(shared, "trend", 3, "old", "1/2");
  write_killed_run(shared, "noise", 5, "other", "2/2", "sensor-2");
  complete_in(shared, "1/2", 1'000);
  CHECK(counts_of(shared) == std::vector<std::string>{"1|1", "1|3", "1|5"});

  // An event that the run began with has no row before it.
  const std::string steady = folder / "steady.db";
  write_killed_run(steady, "trend", 10);
  complete_in(steady, "", 1'000);
  CHECK(counts_of(steady) == std::vector<std::string>{"1|10"});

  // After a reload the sensor may have another rate, or another file.
  const std::string reloaded = folder / "reloaded.db";
  write_killed_run(reloaded, "missing_data", 6);
  {
    tables::Database database = opened(reloaded);
    tables::RunInfo old;
    old.run_id = "old";
    tables::RunReload reload;
    for (const char* at : {"2025-01-01T00:00:02.000000Z", "2025-01-01T00:00:06.700000Z"}) {
      ++reload.number;
      reload.at = parse_timestamp(at).value();
      REQUIRE(tables::record_reload(database, old, identity::Roster(), reload).ok());
    }
  }
  complete_in(reloaded, "", 1'000);
  CHECK(counts_of(reloaded) == std::vector<std::string>{"1|2"});

  // What the run itself has said is never taken back.
  const std::string stopped = folder / "stopped.db";
  write_killed_run(stopped, "missing_data", 4);
  run_sql(stopped, "UPDATE anomaly_events SET readings_affected = 4");
  complete_in(stopped, "", 1'000);
  CHECK(counts_of(stopped) == std::vector<std::string>{"1|4"});

  // Where something was lost, nothing can be told from what is there.
  for (const char* type : {"trend", "missing_data"}) {
    const std::string lossy = folder / (std::string("lossy-") + type + ".db");
    write_killed_run(lossy, type, 4);
    {
      tables::Database database = opened(lossy);
      REQUIRE(tables::record_loss(database, "old", "lossy.db", {"skipped", 0, 0}).ok());
    }
    complete_in(lossy, "", 1'000);
    CHECK(counts_of(lossy) == std::vector<std::string>{"1|1"});
  }

  // One that has ended is left alone.
  const std::string ended = folder / "ended.db";
  write_killed_run(ended, "trend", 4);
  run_sql(ended, "UPDATE anomaly_events SET ended_at = '2025-01-01T00:00:09.500000Z'");
  complete_in(ended, "", 1'000);
  CHECK(counts_of(ended) == std::vector<std::string>{"0|1"});
}

}  // namespace fleet_sim::complete_run_test
