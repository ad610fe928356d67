// What a file says of rows that it lacks although it has later ones.
#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/timestamp.h"
#include "config/config.h"
#include "support/faulty_vfs.h"
#include "support/shard_reader.h"
#include "support/writer_rig.h"
#include "tables/schema.h"

namespace fleet_sim::run_losses_test {

using namespace fleet_sim::test;

namespace fs = std::filesystem;

TEST_CASE("a file says that rows are missing before others, with the first row behind the gap") {
  FaultyVfs vfs;
  WriterRig rig({.sensors = 2, .pending_rows = 40, .vfs = vfs.name(), .launched = an_hour_ago()},
                [](config::Config& config) { config.write.error_limit = 1'000; });
  rig.send(0, 10);
  rig.send(1, 10);
  rig.step();
  vfs.fail_writes(1, FaultyVfs::for_ever, SQLITE_FULL, "sensor-0");
  rig.send(0, 20);
  rig.run_for(1 * second);
  rig.send(0, 10);  // due from 40 ms on
  rig.send(1, 10);
  rig.step();
  CHECK(rig.ledger.books().lost() == 10);
  vfs.heal();
  rig.run_for(3 * second);
  const auto at = [](Microseconds later) { return timestamp_text(WriterRig::first_due + later); };
  CHECK(query(rig.path_of(0), "SELECT run_id, shard, reason, since, until, rows FROM run_losses") ==
        std::vector<std::string>{"test-run|" + fs::path(rig.path_of(0)).filename().string() +
                                 "|backlog_full|" + at(40'000) + "|" + at(49'000) + "|10"});
  tables::Database database = opened(rig.path_of(0));
  CHECK(data::read_runs(database, rig.path_of(0)).at(0).has_losses);
  tables::Database whole = opened(rig.path_of(1));
  CHECK_FALSE(data::read_runs(whole, rig.path_of(1)).at(0).has_losses);
}

TEST_CASE("once readings have been skipped, each file says so with its next rows, and the next file again") {
  WriterRig rig({.sensors = 2});
  const auto losses = [&](std::uint32_t sensor) {
    const std::string path = rig.path_of(sensor);
    const bool has_table = !query(path, "SELECT 1 FROM sqlite_schema WHERE name = 'run_losses'").empty();
    return has_table ? query(path, "SELECT run_id, reason, since, until, rows FROM run_losses")
                     : std::vector<std::string>{};
  };
  for (const std::uint32_t sensor : {0u, 1u}) rig.send(sensor, 10);
  rig.step();
  CHECK_FALSE(rig.ledger.skips());
  const Timestamp since = WriterRig::first_due + 20'000;
  for (const Microseconds later : {2, 0, 5}) rig.ledger.skips(since + later, since + 7 * later);
  std::vector<std::string> expected{"test-run|skipped|" + timestamp_text(since) + "|" +
                                    timestamp_text(since + 35) + "|NULL"};
  rig.send(0, 10);
  rig.step();
  CHECK(losses(0) == expected);
  CHECK(losses(1).empty());
  rig.send(1, 10);
  rig.step();
  CHECK(losses(1) == expected);
  fs::remove(rig.path_of(0));
  rig.send(0, 10);
  rig.step();
  CHECK(losses(0) == expected);
  rig.ledger.skips(since + 50, since + 60);
  rig.send(0, 10);
  rig.step();
  expected = {"test-run|skipped|" + timestamp_text(since) + "|" + timestamp_text(since + 60) + "|NULL"};
  CHECK(losses(0) == expected);
  CHECK(rig.ledger.books().lost() == 0);
}

TEST_CASE("a file keeps what an earlier version has said of a loss") {
  WriterRig rig({.sensors = 1});
  rig.send(0, 10);
  rig.step();
  run_sql(rig.path_of(0),
          "CREATE TABLE run_losses (run_id TEXT PRIMARY KEY, since TEXT NOT NULL); INSERT INTO run_losses "
          "VALUES ('before', '2025-01-01T00:00:00.000000Z')");
  rig.ledger.skips(WriterRig::first_due + 1, WriterRig::first_due + 2);
  rig.send(0, 10);
  rig.step();
  CHECK(
      query(rig.path_of(0),
            "SELECT run_id, reason, substr(since, 1, 4), until IS NULL FROM run_losses "
            "ORDER BY run_id") ==
      std::vector<std::string>{
          "before||2025|1", "test-run|skipped|" + timestamp_text(WriterRig::first_due).substr(0, 4) + "|0"});
}

}  // namespace fleet_sim::run_losses_test
