// The digest of a data directory: the same for the same data, different for any other.
#include <doctest/doctest.h>

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

#include "base/problems.h"
#include "base/random.h"
#include "data/digest.h"
#include "sqlite/shard_key.h"
#include "sqlite/shard_plan.h"
#include "support/faulty_vfs.h"
#include "support/rosters.h"
#include "support/shard_reader.h"
#include "support/temporary_folder.h"
#include "support/writer_rig.h"
#include "tables/schema.h"
#include "write/shard_rows.h"

namespace fleet_sim::digest_test {

using namespace fleet_sim::test;

namespace fs = std::filesystem;

namespace {

// A directory with readings and events of three sensors in one or three files, in order or backwards.
void fill(const TemporaryFolder& folder, bool sharded, bool backwards) {
  const identity::Roster roster = roster_of(3);
  const config::SqliteSettings settings;
  tables::RunInfo run;
  run.run_id = sharded ? "sharded" : "single";
  run.seed = 1;
  const sqlite::ShardContext context{roster, settings, run, {}};
  std::vector<batch::Reading> readings;
  std::vector<batch::AnomalyEvent> events;
  for (std::uint32_t i = 0; i < 300; ++i) {
    const double x = uniform(mix_words(i, 1));
    const auto type = i % 10 == 0 ? std::optional(AnomalyType::noise) : std::nullopt;
    readings.push_back({static_cast<Timestamp>(i) * 1'000, {x, x / 3, -x}, i % 3, type});
    if (i % 10 == 0) {
      events.push_back(
          {i * 1'000, i * 1'000, x, i % 3, 1, AnomalyType::noise, batch::AnomalyEvent::Kind::whole, {}, 0});
    }
  }
  if (backwards) {
    std::reverse(readings.begin(), readings.end());
    std::reverse(events.begin(), events.end());
  }
  for (std::uint32_t sensor = 0; sensor < (sharded ? 3u : 1u); ++sensor) {
    sqlite::Shard shard({folder / ("shard-" + std::to_string(sensor) + ".db")}, context);
    write::ShardRows rows;
    for (const batch::Reading& r : readings) {
      if (!sharded || r.sensor == sensor) rows.stage(r, {});
    }
    for (const batch::AnomalyEvent& e : events) {
      if (!sharded || e.sensor == sensor) rows.stage(e, {});
    }
    REQUIRE(shard.flush(rows.lot()).ok());
    shard.close(sqlite::Shard::Close::for_good);
  }
}

}  // namespace

TEST_CASE("a digest does not depend on order, ids, shards or what collectors have marked") {
  const TemporaryFolder a;
  const TemporaryFolder b;
  const TemporaryFolder c;
  fill(a, false, false);
  fill(b, false, true);
  fill(c, true, true);
  const data::DirectoryDigest digest = data::digest_of(a.path());
  CHECK(digest.total.readings == 300);
  CHECK(digest.total.events == 30);
  CHECK(digest.text().size() == 32);
  CHECK(digest.text().find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(data::digest_of(b.path()).text() == digest.text());
  const data::DirectoryDigest sharded = data::digest_of(c.path());
  CHECK(sharded.text() == digest.text());
  REQUIRE(sharded.shards.size() == 3);
  CHECK(sharded.shards[1].file == "shard-1.db");
  CHECK(sharded.shards[1].readings == 100);
  CHECK(sharded.runs.size() == 1);
  CHECK(sharded.runs[0].run_id == "sharded");
  CHECK(sharded.runs[0].seed == 1);

  run_sql(a / "shard-0.db",
          "UPDATE sensor_readings SET synced = 1 WHERE id % 2; UPDATE sensor_readings SET id = id + 1000");
  std::ofstream(a / "notes.txt") << "not a shard";
  CHECK(data::digest_of(a.path()).text() == digest.text());
}

TEST_CASE("a digest notices every kind of change") {
  const std::array<const char*, 20> changes{
      "DELETE FROM sensor_readings WHERE id = 17",
      "INSERT INTO sensor_readings SELECT NULL, timestamp, sensor_id, temperature, vibration, voltage, "
      "status_code, "
      "anomaly_flag, anomaly_type, firmware_version, model, manufacturer, location, synced FROM "
      "sensor_readings "
      "WHERE id = 17",
      "UPDATE sensor_readings SET timestamp = '1970-01-01T00:00:09.000000Z' WHERE id = 17",
      "UPDATE sensor_readings SET sensor_id = 'sensor-9' WHERE id = 17",
      "UPDATE sensor_readings SET temperature = vibration, vibration = temperature WHERE id = 17",
      "UPDATE sensor_readings SET voltage = NULL WHERE id = 17",
      "UPDATE sensor_readings SET status_code = 1 WHERE id = 17",
      "UPDATE sensor_readings SET anomaly_flag = NULL WHERE id = 17",
      "UPDATE sensor_readings SET anomaly_type = '' WHERE id = 17",
      "UPDATE sensor_readings SET firmware_version = '1.30', model = model WHERE id = 17",
      "UPDATE sensor_readings SET model = manufacturer, manufacturer = model WHERE id = 17",
      "UPDATE sensor_readings SET location = 'office' WHERE id = 17",
      "DELETE FROM anomaly_events WHERE id = 7", "UPDATE anomaly_events SET ended_at = NULL WHERE id = 7",
      "UPDATE anomaly_events SET readings_affected = 2 WHERE id = 7",
      "UPDATE anomaly_events SET severity = 2 WHERE id = 7",
      "UPDATE anomaly_events SET sigma = 2 WHERE id = 7",
      "UPDATE anomaly_events SET scenario = '2' WHERE id = 7",
      "UPDATE anomaly_events SET fails_at = '2' WHERE id = 7",
      // Two rows exchange a value: every column's sum stays the same.
      "UPDATE sensor_readings SET temperature = (SELECT temperature FROM sensor_readings WHERE id = 35 - "
      "sensor_readings.id) WHERE id IN (17, 18)"};
  const TemporaryFolder untouched;
  fill(untouched, false, false);
  const std::string expected = data::digest_of(untouched.path()).text();
  std::set<std::string> seen{expected};
  for (const char* change : changes) {
    const TemporaryFolder folder;
    fs::copy_file(untouched / "shard-0.db", folder / "shard-0.db");
    run_sql(folder / "shard-0.db", change);
    CAPTURE(change);
    CHECK(seen.insert(data::digest_of(folder.path()).text()).second);
  }
}

TEST_CASE("a digest notices one changed bit of one value") {
  const TemporaryFolder folder;
  fill(folder, false, false);
  const std::string expected = data::digest_of(folder.path()).text();
  const double value = rows_of(folder / "shard-0.db").at(16).temperature;
  for (const int bit : {0, 1, 31, 51}) {
    const double changed = std::bit_cast<double>(std::bit_cast<std::uint64_t>(value) ^ 1ull << bit);
    tables::Database database = opened(folder / "shard-0.db");
    tables::Statement update;
    REQUIRE(database.prepare("UPDATE sensor_readings SET temperature = ?1 WHERE id = 17", update).ok());
    update.bind(1, changed);
    REQUIRE(update.run() == SQLITE_OK);
    CHECK(data::digest_of(folder.path()).text() != expected);
    update.bind(1, value);
    REQUIRE(update.run() == SQLITE_OK);
    CHECK(data::digest_of(folder.path()).text() == expected);
  }
}

TEST_CASE("two duplicates do not cancel out, and an empty directory has a digest") {
  const TemporaryFolder folder;
  const TemporaryFolder empty;
  CHECK_THROWS_WITH_AS(data::digest_of(empty.path()),
                       (empty.path().string() + ": has no .db files, or only empty ones").c_str(),
                       InvalidInput);
  fill(folder, false, false);
  fs::copy_file(folder / "shard-0.db", folder / "copy.db");
  const data::DirectoryDigest twice = data::digest_of(folder.path());
  CHECK(twice.total.readings == 600);
  CHECK(twice.total.readings_hash == 2 * twice.shards[0].readings_hash);
  CHECK(twice.total.readings_hash != 0);
}

TEST_CASE("a file that cannot be read is an error that names it") {
  const TemporaryFolder folder;
  std::ofstream(folder / "letter.db") << std::string(5'000, 'x');
  CHECK_THROWS_WITH_AS(data::digest_of(folder.path()),
                       ((folder / "letter.db") + ": cannot be read: file is not a database").c_str(),
                       std::runtime_error);
}

}  // namespace fleet_sim::digest_test
