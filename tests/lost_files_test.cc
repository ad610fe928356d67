// Files and folders that are deleted or renamed under the writer.
#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "batch/reading.h"
#include "config/config.h"
#include "sqlite/shard.h"
#include "support/shard_reader.h"
#include "support/writer_rig.h"

namespace fleet_sim::lost_files_test {

using namespace fleet_sim::test;

namespace fs = std::filesystem;

TEST_CASE("a shard file that is deleted under the writer is begun anew, and ids rise on") {
  for (const std::size_t open_shards : {2u, 1u}) {  // open at that moment, or closed for the time being
    WriterRig rig({.sensors = 2, .open_shards = open_shards});
    rig.send(0, 30);
    rig.send(event_of(batch::AnomalyEvent::Kind::opened, 1));
    rig.run_for(2 * second);
    rig.send(1, 10);
    rig.run_for(2 * second);
    for (const char* ending : {"", "-wal", "-shm"}) fs::remove(rig.path_of(0) + ending);
    rig.send(0, 12);
    rig.send(1, 10);
    rig.send(event_of(batch::AnomalyEvent::Kind::closed, 7));
    rig.run_for(2 * second);
    CHECK(ids_of(rig.path_of(0)) == std::vector<std::string>{"31|42|12"});
    // The event whose first row is gone stands in the new file, whole.
    CHECK(query(rig.path_of(0), "SELECT id, ended_at IS NULL, readings_affected FROM anomaly_events") ==
          std::vector<std::string>{"2|0|7"});
    CHECK(query(rig.path_of(0), "SELECT run_id, first_reading_id, first_event_id FROM run_info") ==
          std::vector<std::string>{"test-run|31|2"});
    CHECK(rig.has_all(1));
    REQUIRE(rig.log.size() == 1);
    CHECK(rig.log[0] ==
          rig.path_of(0) + ": was deleted, renamed or replaced while in use; starting a new file");
    CHECK(rig.errors(ErrorClass::io) == 1);
    rig.send(0, 5);
    rig.finish();
    CHECK(ids_of(rig.path_of(0)) == std::vector<std::string>{"31|47|17"});
    CHECK(query(rig.path_of(0), "PRAGMA integrity_check") == std::vector<std::string>{"ok"});
    CHECK(rig.log.size() == 1);
    CHECK(rig.imbalance().empty());
  }
}

TEST_CASE(
    "a file that is deleted before a process that goes on has opened it is begun anew, with its open "
    "events") {
  for (const bool is_opened_ahead : {false, true}) {
    CAPTURE(is_opened_ahead);
    WriterRig rig;
    {
      const sqlite::ShardContext context{rig.roster, rig.config.sqlite, rig.run, {}};
      sqlite::Shard before({rig.path_of(0)}, context);
      write::ShardRows rows;
      for (const int i : {-3, -2, -1}) {
        rows.stage(batch::Reading{WriterRig::first_due + i * second, {0, 0, 0}, 0, {}}, {});
      }
      rows.stage(event_of(batch::AnomalyEvent::Kind::opened, 1), {});
      REQUIRE(before.flush(rows.lot()).ok());
    }
    rig.resume([](std::string_view) { return 0; });
    for (const char* ending : {"", "-wal", "-shm"}) fs::remove(rig.path_of(0) + ending);
    if (is_opened_ahead) CHECK(rig.writer().open_ahead(0).ok());
    rig.send(0, 5);
    rig.send(event_of(batch::AnomalyEvent::Kind::closed, 7));
    rig.run_for(2 * second);
    CHECK(query(rig.path_of(0), "SELECT min(id), count(*) FROM sensor_readings") ==
          std::vector<std::string>{"4|5"});
    CHECK(query(rig.path_of(0), "SELECT id, ended_at IS NULL, readings_affected FROM anomaly_events") ==
          std::vector<std::string>{"2|0|7"});
  }
}

TEST_CASE("a run goes on above the ids of one that began the file anew and left no row of its own there") {
  for (const bool has_readings : {true, false}) {
    CAPTURE(has_readings);
    WriterRig rig;
    rig.send(0, 30);
    rig.send(event_of(batch::AnomalyEvent::Kind::opened, 1));
    rig.run_for(2 * second);
    for (const char* ending : {"", "-wal", "-shm"}) fs::remove(rig.path_of(0) + ending);
    rig.send(0, 12);
    rig.run_for(2 * second);
    if (!has_readings) run_sql(rig.path_of(0), "DELETE FROM sensor_readings");
    rig.run.run_id = "next-run";
    rig.resume([](std::string_view) { return 0; });
    rig.send(0, 5);
    rig.send(event_of(batch::AnomalyEvent::Kind::opened, 1));
    rig.run_for(2 * second);
    const std::string first = has_readings ? "43" : "31";
    CHECK(query(rig.path_of(0), "SELECT run_id, first_reading_id, first_event_id FROM run_info") ==
          std::vector<std::string>{"test-run|31|2", "next-run|" + first + "|2"});
    CHECK(query(rig.path_of(0), "SELECT id FROM anomaly_events") == std::vector<std::string>{"2"});
    CHECK(query(rig.path_of(0), "SELECT min(id) FROM sensor_readings WHERE id >= " + first) ==
          std::vector<std::string>{first});
  }
}

TEST_CASE("a write-ahead log that is deleted under the writer is told of, and its rows are not lost") {
  for (const char* ending : {"-wal", "-shm"}) {
    for (const std::size_t open_shards :
         {2u, 1u}) {  // goes on with the file, or closes it for the time being
      WriterRig rig({.sensors = 2, .open_shards = open_shards});
      rig.send(0, 30);
      rig.run_for(2 * second);
      REQUIRE(fs::remove(rig.path_of(0) + ending));
      rig.send(open_shards == 1 ? 1 : 0, 10);
      rig.run_for(2 * second);
      rig.send(0, 10);
      rig.run_for(2 * second);
      CHECK(rig.log.size() == open_shards - 1);
      CHECK(rig.errors(ErrorClass::io) == open_shards - 1);
      rig.finish();
      CHECK(rig.has_everything());
      CHECK(query(rig.path_of(0), "PRAGMA integrity_check") == std::vector<std::string>{"ok"});
    }
  }
}

TEST_CASE("a shard file that is renamed away is whole where it went, and another is begun") {
  WriterRig rig;
  rig.send(0, 30);
  rig.step();
  fs::rename(rig.path_of(0), rig.folder / "kept.db");
  rig.send(0, 12);
  rig.step();
  CHECK(ids_of(rig.folder / "kept.db") == std::vector<std::string>{"1|30|30"});
  CHECK(query(rig.folder / "kept.db", "PRAGMA integrity_check") == std::vector<std::string>{"ok"});
  CHECK(ids_of(rig.path_of(0)) == std::vector<std::string>{"31|42|12"});
  rig.finish();
  CHECK(ids_of(rig.folder / "kept.db") == std::vector<std::string>{"1|30|30"});
  CHECK(rig.rows_in_file(0) == 12);
}

TEST_CASE("a data directory that is deleted or moved is made again") {
  WriterRig rig({.sensors = 3}, [](config::Config& config) { config.sqlite.data_dir += "/deep/down"; });
  for (int round = 0; round < 3; ++round) {
    for (std::uint32_t sensor = 0; sensor < 3; ++sensor) rig.send(sensor, 10);
    rig.run_for(2 * second);
    for (std::uint32_t sensor = 0; sensor < 3; ++sensor) CHECK(rig.rows_in_file(sensor) == 10);
    if (round == 0) fs::remove_all(rig.folder.path() / "deep");
    if (round == 1) fs::rename(rig.folder.path() / "deep", rig.folder.path() / "elsewhere");
  }
  rig.finish();
  for (std::uint32_t sensor = 0; sensor < 3; ++sensor) {
    CHECK(ids_of(rig.path_of(sensor)) == std::vector<std::string>{"21|30|10"});
    const std::string moved =
        rig.folder / ("elsewhere/down/" + fs::path(rig.path_of(sensor)).filename().string());
    CHECK(ids_of(moved) == std::vector<std::string>{"11|20|10"});
  }
  CHECK(rig.ledger.books().lost() == 0);
  CHECK(rig.errors(ErrorClass::io) == 6);
  CHECK(rig.imbalance().empty());
}

}  // namespace fleet_sim::lost_files_test
