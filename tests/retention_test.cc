// Retention: which rows go, one transaction at a time, and the thread that deletes them beside a writer.
#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/plain_text.h"
#include "sqlite/oldest_rows.h"
#include "sqlite/retention.h"
#include "support/shard_reader.h"
#include "support/temporary_folder.h"
#include "support/writer_rig.h"
#include "tables/deletions.h"
#include "tables/deliveries.h"
#include "tables/schema.h"

namespace fleet_sim::retention_test {

using namespace fleet_sim::test;

namespace {

using Strings = std::vector<std::string>;

// A shard of a run, with a reading a second, `first` … `last` seconds after midnight, ids from 1 in the first
// run.
class OldShard {
 public:
  explicit OldShard(const std::string& run = "r") {
    tables::Database database = opened(path);
    config::SqliteSettings settings;
    settings.page_size = 4'096;
    REQUIRE(tables::prepare_schema(database, settings).ok());
    begin_run(run);
  }

  void sql(const std::string& statements) const { run_sql(path, statements); }

  void begin_run(const std::string& id) const {
    tables::Database database = opened(path);
    tables::RunInfo run;
    run.run_id = id;
    REQUIRE(tables::record_run(database, run).ok());
  }

  void add(int first, int last, int synced = 1) const {
    sql("WITH RECURSIVE n(i) AS (SELECT " + std::to_string(first) +
        " UNION ALL SELECT i + 1 FROM n WHERE i < " + std::to_string(last) +
        ") INSERT INTO sensor_readings (timestamp, sensor_id, temperature, location, synced) "
        "SELECT strftime('%Y-%m-%dT%H:%M:%S.000000Z', '2026-01-01', i || ' seconds'), 'S', i, "
        "'a place with a name as long as places have', " +
        std::to_string(synced) + " FROM n");
  }

  void add_event(const std::string& began, const std::string& ended) const {
    const auto at = [](const std::string& time) {
      return time.empty() ? "NULL" : "'2026-01-01T" + time + ".000000Z'";
    };
    sql("INSERT INTO anomaly_events (sensor_id, anomaly_type, started_at, ended_at, readings_affected) "
        "VALUES "
        "('S', 'trend', " +
        at(began) + ", " + at(ended) + ", 1)");
  }

  // Transactions until one finds nothing; returns how many deleted something.
  int trim(const config::RetentionSettings& settings,
           std::uint32_t most_rows = sqlite::most_rows_deleted_at_once) const {
    tables::Database database = opened(path);
    sqlite::DeletedRows deleted;
    for (int transactions = 0;; ++transactions) {
      const tables::StorageError error = sqlite::delete_oldest(database, settings, deleted, most_rows);
      INFO(error.message);
      REQUIRE(error.ok());
      CHECK(deleted.readings <= most_rows);
      CHECK(deleted.events <= most_rows);
      CHECK_FALSE(database.in_transaction());
      if (deleted.readings == 0) return transactions;
    }
  }

  [[nodiscard]] Strings ends() const {
    return query(path,
                 "SELECT count(*), min(id), max(id), substr(min(timestamp), 12, 8) FROM sensor_readings");
  }
  [[nodiscard]] Strings events() const {
    return query(path, "SELECT substr(started_at, 12, 8) FROM anomaly_events ORDER BY id");
  }
  [[nodiscard]] Strings deletions() const {
    return query(path, "SELECT substr(until, 12, 8), last_reading_id, readings, events FROM deletions");
  }

  TemporaryFolder folder;
  std::string path = folder / "s.db";
};

config::RetentionSettings of_age(double seconds) {
  return {seconds, 0, true};
}

bool waited_for(const std::function<bool()>& condition) {
  for (int i = 0; i < 2'000 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return condition();
}

}  // namespace

TEST_CASE("readings older than the last one by the age are deleted, and the file says so") {
  const OldShard shard;
  shard.add(1, 1'000);
  CHECK(shard.trim(of_age(100)) == 1);
  // 00:16:40 is the last, 00:15:00 is exactly as old as may be.
  CHECK(shard.ends() == Strings{"101|900|1000|00:15:00"});
  CHECK(shard.deletions() == Strings{"00:14:59|899|899|0"});
  CHECK(shard.trim(of_age(100)) == 0);
  shard.add(1'001, 1'010);
  CHECK(shard.trim(of_age(100)) == 1);
  CHECK(shard.deletions() == Strings{"00:15:09|909|909|0"});
}

TEST_CASE("nothing is deleted, and no table made, without an age or a size") {
  const OldShard shard;
  shard.add(1, 100);
  CHECK(shard.trim({}) == 0);
  CHECK(shard.ends() == Strings{"100|1|100|00:00:01"});
  CHECK(query(shard.path, "SELECT name FROM sqlite_schema WHERE name = 'deletions'").empty());
  CHECK_FALSE(config::RetentionSettings{}.is_on());
}

TEST_CASE("the last seconds stay, however short the age and however small the size") {
  for (const config::RetentionSettings& settings : {of_age(0.001), config::RetentionSettings{0, 1, true}}) {
    const OldShard shard;
    shard.add(1, 500);
    shard.trim(settings);
    CHECK(shard.ends() == Strings{"4|497|500|00:08:17"});
    shard.add(501, 501);
    CHECK(query(shard.path, "SELECT max(id) FROM sensor_readings") == Strings{"501"});
  }
  const OldShard empty;
  CHECK(empty.trim(of_age(1)) == 0);
}

TEST_CASE("an only reading stays, however old the one of an earlier run before it") {
  const OldShard shard;
  shard.add(5, 5);
  CHECK(shard.trim(of_age(1)) == 0);
  CHECK(shard.ends() == Strings{"1|1|1|00:00:05"});
}

TEST_CASE("what is not synced holds back itself and all behind it, unless the config says otherwise") {
  const OldShard shard;
  shard.add(1, 300);
  shard.add(301, 301, 0);
  shard.add(302, 1'000);
  shard.trim(of_age(100));
  CHECK(shard.ends() == Strings{"700|301|1000|00:05:01"});
  tables::Database database = opened(shard.path);
  sqlite::DeletedRows deleted;
  REQUIRE(sqlite::delete_oldest(database, of_age(100), deleted).ok());
  CHECK(deleted.held_back);
  shard.trim({100, 0, false});
  CHECK(shard.ends() == Strings{"101|900|1000|00:15:00"});
  REQUIRE(sqlite::delete_oldest(database, of_age(100), deleted).ok());
  CHECK_FALSE(deleted.held_back);
}

TEST_CASE("a transaction deletes a bounded number of readings") {
  const OldShard shard;
  shard.add(1, 1'000);
  CHECK(shard.trim(of_age(100), 50) == 18);
  CHECK(shard.deletions() == Strings{"00:14:59|899|899|0"});
}

TEST_CASE("a file that is too large loses its oldest readings and grows no further") {
  const OldShard shard;
  shard.add(1, 10'000);
  tables::Database database = opened(shard.path);
  const std::uint64_t limit = sqlite::used_bytes(database) / 2;
  const auto pages = [&shard] { return query(shard.path, "PRAGMA page_count"); };
  const Strings before = pages();
  for (int round = 1; round < 20; ++round) {
    shard.trim({0, limit, true}, 100);
    CHECK(sqlite::used_bytes(database) <= limit);
    CHECK(sqlite::used_bytes(database) > limit * 9 / 10);
    shard.add(10'000 + 500 * round, 10'499 + 500 * round);
  }
  CHECK(pages() == before);
  CHECK(query(shard.path, "PRAGMA integrity_check") == Strings{"ok"});
}

TEST_CASE("an event goes when it has ended and all its readings have gone") {
  const OldShard shard;
  shard.add(1, 1'000);
  shard.add_event("00:00:10", "00:00:20");
  shard.add_event("00:01:00", "");          // left open
  shard.add_event("00:05:00", "00:15:30");  // has readings left
  shard.add_event("00:14:50", "00:14:58");
  shard.add_event("00:14:55", "00:14:59");  // may have one within the second before the first that is left
  shard.add_event("00:15:10", "00:15:20");
  shard.add_event("00:16:30", "");
  shard.sql(
      "CREATE TABLE injected_anomalies (event_id INTEGER PRIMARY KEY); INSERT INTO injected_anomalies VALUES "
      "(4), (6)");
  shard.trim(of_age(100));
  CHECK(shard.events() == Strings{"00:01:00", "00:05:00", "00:14:55", "00:15:10", "00:16:30"});
  CHECK(shard.deletions() == Strings{"00:14:59|899|899|2"});
  CHECK(query(shard.path, "SELECT event_id FROM injected_anomalies") == Strings{"6"});
}

TEST_CASE("what delivery did goes with the readings, and what has not arrived stays") {
  const OldShard shard;
  shard.sql("ALTER TABLE sensor_readings ADD COLUMN arrived_at TEXT");
  shard.sql(std::string(tables::create_deliveries));
  shard.add(1, 1'000);
  shard.sql("UPDATE sensor_readings SET arrived_at = timestamp");
  // Came late, and lies where it came.
  shard.sql("UPDATE sensor_readings SET timestamp = '2026-01-01T00:00:01.000000Z' WHERE id = 950");
  const auto add = [&](const std::string& kind, const std::string& due, const std::string& arrived) {
    const std::string at = arrived.empty() ? "NULL" : "'2026-01-01T" + arrived + ".000000Z'";
    shard.sql(
        "INSERT INTO deliveries (run_id, sensor_id, kind, sequence, due, arrived_at, readings) VALUES "
        "('r', 'S', '" +
        kind + "', 1, '2026-01-01T" + due + ".000000Z', " + at + ", 1)");
  };
  add("drop", "00:00:10", "");
  add("late", "00:00:20", "00:15:50");
  add("hold", "00:01:00", "");
  add("drained", "00:01:00", "00:04:00");
  add("hold", "00:05:00", "");
  add("drop", "00:14:58", "");
  add("drained", "00:05:00", "00:15:10");
  add("drop", "00:00:30", "");  // the last row
  CHECK(shard.trim(of_age(100)) == 1);
  CHECK(shard.ends() == Strings{"101|900|1000|00:00:01"});
  CHECK(query(shard.path, "SELECT kind, substr(due, 12, 8) FROM deliveries ORDER BY id") ==
        Strings{"late|00:00:20", "hold|00:05:00", "drained|00:05:00", "drop|00:00:30"});
}

TEST_CASE("the last event stays, so that ids do not come again") {
  const OldShard shard;
  shard.add(1, 1'000);
  shard.add_event("00:00:10", "00:00:20");
  shard.add_event("00:00:30", "00:00:40");
  shard.trim(of_age(100));
  CHECK(shard.events() == Strings{"00:00:30"});
}

TEST_CASE("the events of a later run at the same times stay with its readings") {
  const OldShard shard("first");
  shard.add(1, 500);
  shard.add_event("00:00:10", "00:00:20");
  shard.begin_run("second");
  shard.add(1, 500);
  shard.add_event("00:00:10", "00:00:20");
  shard.add_event("00:08:00", "");
  CHECK(shard.trim(of_age(400)) == 1);
  CHECK(shard.ends() == Strings{"901|100|1000|00:00:01"});
  CHECK(shard.events() == Strings{"00:00:10", "00:08:00"});
}

TEST_CASE("a shard of several runs is deleted run by run") {
  const OldShard shard("first");
  shard.add(1, 500);
  shard.add_event("00:00:10", "00:00:20");
  shard.begin_run("second");
  shard.add(501, 1'000);
  shard.add_event("00:10:00", "00:10:10");
  shard.add_event("00:16:00", "00:16:10");
  CHECK(shard.trim(of_age(100), 2'000) == 2);  // one for each run
  CHECK(shard.ends() == Strings{"101|900|1000|00:15:00"});
  CHECK(shard.events() == Strings{"00:16:00"});
}

TEST_CASE("a lock that somebody holds leaves everything as it was") {
  const OldShard shard;
  shard.add(1, 1'000);
  tables::Database holder = opened(shard.path);
  REQUIRE(holder.execute("BEGIN IMMEDIATE").ok());
  tables::Database database = opened(shard.path);
  sqlite::DeletedRows deleted;
  CHECK(sqlite::delete_oldest(database, of_age(100), deleted).busy());
  CHECK(deleted.readings == 0);
  REQUIRE(holder.execute("ROLLBACK").ok());
  CHECK(shard.trim(of_age(100)) == 1);
}

TEST_CASE("a shard with nothing to delete is not locked") {
  const OldShard shard;
  shard.add(1, 50);
  tables::Database holder = opened(shard.path);
  REQUIRE(holder.execute("BEGIN IMMEDIATE").ok());
  tables::Database database = opened(shard.path);
  sqlite::DeletedRows deleted;
  CHECK(sqlite::delete_oldest(database, of_age(100), deleted).ok());
}

TEST_CASE("an invalid time is an error, and nothing is deleted") {
  const OldShard shard;
  shard.add(1, 100);
  shard.sql("INSERT INTO sensor_readings (timestamp, sensor_id) VALUES ('soon', 'S')");
  tables::Database database = opened(shard.path);
  sqlite::DeletedRows deleted;
  const tables::StorageError error = sqlite::delete_oldest(database, of_age(10), deleted);
  CHECK(error.code == SQLITE_MISMATCH);
  CHECK(error.message == "has a row at 'soon', which is not a time");
  CHECK(query(shard.path, "SELECT count(*) FROM sensor_readings") == Strings{"101"});
}

TEST_CASE("an invalid time is shown as whole characters, however long it is") {
  for (const std::size_t before : {37, 38, 39, 57, 58, 59}) {
    const OldShard shard;
    shard.add(1, 100);
    const std::string text = std::string(before, '?') + "℃ and some more that nobody wants to read";
    shard.sql("INSERT INTO sensor_readings (timestamp, sensor_id) VALUES ('" + text + "', 'S')");
    tables::Database database = opened(shard.path);
    sqlite::DeletedRows deleted;
    const tables::StorageError error = sqlite::delete_oldest(database, of_age(10), deleted);
    CAPTURE(error.message);
    CHECK(error.message.starts_with("has a row at '???"));
    CHECK(is_utf8(error.message));
  }
}

TEST_CASE("retention deletes beside a writer that goes on, and neither fails") {
  WriterRig rig({}, [](config::Config& config) {
    config.sqlite.page_size = 4'096;
    config.sqlite.retention = {5, 0, false};
    config.sqlite.busy_timeout_ms = 3'600'000;  // the writer's time passes faster than retention's
  });
  // A reading a millisecond.
  rig.send(0, 4'000);
  rig.run_for(2 * second);
  REQUIRE(rig.rows_in_file(0) == 4'000);
  rig.send(0, 16'000);
  rig.run_for(2 * second);
  const auto left = [&rig] { return query(rig.path_of(0), "SELECT count(*) FROM sensor_readings")[0]; };
  CHECK(waited_for([&] {
    rig.send(0, 1);  // whoever writes asks
    rig.run_for(2 * second);
    return rig.writer().deleted().readings > 14'000;
  }));
  rig.finish();
  CHECK(rig.errors() == 0);
  CHECK(rig.log == std::vector<std::string>{});
  const std::uint64_t deleted = rig.writer().deleted().readings;
  CHECK(query(rig.path_of(0), "SELECT readings FROM deletions") == Strings{std::to_string(deleted)});
  CHECK(left() == std::to_string(rig.ledger.books().written - deleted));
  CHECK(rig.imbalance().empty());
}

TEST_CASE("a file whose old rows are not synced is told of once") {
  WriterRig rig({}, [](config::Config& config) { config.sqlite.retention = {5, 0, true}; });
  for (int round = 0; round < 2; ++round) {
    rig.send(0, 10'000);
    rig.run_for(2 * second);
    std::this_thread::sleep_for(std::chrono::milliseconds(1'200));
  }
  rig.finish();
  CHECK(rig.log ==
        std::vector<std::string>{rig.path_of(0) + ": keeping old rows because they are not synced"});
  CHECK(rig.has_all(0));
}

TEST_CASE("a stop waits for one transaction, not for one of every shard") {
  std::vector<OldShard> shards(40);
  config::SqliteSettings settings;
  settings.retention = of_age(5);
  sqlite::Retention retention(settings, "", [](const std::string&) {});
  for (const OldShard& shard : shards) shard.add(1, 5'000);
  for (const OldShard& shard : shards) retention.request(shard.path);
  // The first shard may have been taken alone; by now it is the turn of another, with many behind it.
  REQUIRE(waited_for([&] { return retention.readings_deleted() > 5'000; }));
  retention.stop();
  CHECK(retention.readings_deleted() < 40 * sqlite::most_rows_deleted_at_once);
}

}  // namespace fleet_sim::retention_test
