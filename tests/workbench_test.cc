// Files that are made on a workbench, one after the other: each is what it would be by itself.
#include <doctest/doctest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sqlite/naming.h"
#include "sqlite/shard.h"
#include "sqlite/sqlite_sink.h"
#include "support/rosters.h"
#include "support/shard_reader.h"
#include "support/temporary_folder.h"
#include "support/writer_rig.h"
#include "types/built_in_type.h"
#include "write/shard_rows.h"

namespace fleet_sim::workbench_test {

using namespace fleet_sim::test;

namespace {

constexpr std::uint32_t sensors = 6;

// What all files of a run have in common, and the rows that each is to have: more than fit on a page, some
// anomalies, and now and then an event of the fleet.
struct Run {
  explicit Run(config::Layout layout) : roster(roster_of(sensors)) {
    settings.layout = layout;
    settings.page_size = 4'096;
    info.run_id = "test-run";
    info.reloads = &reloads;
    reloads.begin_with(WriterRig::first_due, all_of(roster));
  }

  [[nodiscard]] sqlite::Shard shard(const std::string& path, std::uint32_t sensor) const {
    sqlite::Shard shard({path}, context, [sensor](std::size_t, std::size_t) {
      return std::vector<tables::SensorVersion>{{sensor, WriterRig::first_due}};
    });
    shard.begin_nameless();
    return shard;
  }

  [[nodiscard]] static write::ShardRows rows_of_sensor(std::uint32_t sensor) {
    write::ShardRows rows;
    for (std::uint32_t i = 0; i < 70 + 90 * sensor; ++i) {
      const auto type = i % 20 == 0 ? std::optional(AnomalyType::spike) : std::nullopt;
      const Timestamp at = WriterRig::first_due + i * second;
      rows.stage(batch::Reading{at, {0.1 * i, 0.2 * i, -0.3 * i}, sensor, type}, {});
      using Kind = batch::AnomalyEvent::Kind;
      if (type) rows.stage(batch::AnomalyEvent{at, at, 2.5, sensor, 1, *type, Kind::whole, {}, 1}, {});
    }
    if (sensor % 2 == 1) {
      const Timestamp at = WriterRig::first_due;
      rows.stage(batch::FleetEvent{at, {}, {}, sensor, 0, 0, batch::FleetEvent::Verb::set, false}, {});
    }
    return rows;
  }

  identity::Roster roster;
  config::SqliteSettings settings;
  tables::RunReloads reloads;
  tables::RunInfo info;
  sqlite::ShardContext context{roster, settings, info, {}};
};

using Lines = std::vector<std::string>;

Lines everything_in(const std::string& path) {
  Lines all = query(path, "PRAGMA integrity_check");
  const auto add = [&](const std::string& sql) {
    for (std::string& line : query(path, sql)) all.push_back(std::move(line));
  };
  add("SELECT type, name, sql FROM sqlite_schema ORDER BY name");
  for (const std::string& table :
       query(path, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"))
    add("SELECT '" + table + "', * FROM " + table + " ORDER BY rowid");
  for (const char* pragma : {"user_version", "page_size", "page_count", "freelist_count", "journal_mode"})
    add(std::string("PRAGMA ") + pragma);
  return all;
}

}  // namespace

TEST_CASE("files that are made on a workbench are those that are filled by themselves") {
  for (const config::Layout layout : {config::Layout::wide, config::Layout::compact}) {
    const TemporaryFolder folder;
    const Run run(layout);
    sqlite::Shard::Workbench bench;
    for (const std::uint32_t sensor : {5u, 0u, 1u, 4u, 2u, 3u}) {
      const write::ShardRows rows = Run::rows_of_sensor(sensor);
      const std::string made = folder / ("made-" + std::to_string(sensor) + ".db");
      const std::string filled = folder / ("filled-" + std::to_string(sensor) + ".db");
      sqlite::Shard at_once = run.shard(made, sensor);
      REQUIRE(at_once.make_whole(rows.lot(), bench).ok());
      CHECK(!at_once.is_open());
      CHECK(at_once.was_ours());
      sqlite::Shard by_itself = run.shard(filled, sensor);
      REQUIRE(by_itself.flush(rows.lot()).ok());
      by_itself.close(sqlite::Shard::Close::for_good);
      const Lines all = everything_in(sqlite::nameless_path(made));
      CHECK(all.front() == "ok");
      CHECK(all == everything_in(sqlite::nameless_path(filled)));
    }
  }
}

TEST_CASE("files that take turns are made ahead, whole and with their names, where nothing lies") {
  for (const config::Layout layout : {config::Layout::wide, config::Layout::compact}) {
    const TemporaryFolder folder;
    const Run run(layout);
    sqlite::SqliteSink sink(run.context, 2, {});
    std::vector<std::unique_ptr<write::Destination>> destinations;
    for (std::uint32_t sensor = 0; sensor < sensors; ++sensor)
      destinations.push_back(sink.make({folder / (std::to_string(sensor) + ".db")}, {}));
    std::ofstream(folder / "1.db") << "somebody's";
    std::ofstream(folder / "2.db-wal") << "left behind";
    std::ofstream(folder / "3.db.new") << "of a process that was killed";
    sink.begin([] { return false; });
    for (const std::uint32_t made : {0u, 3u, 4u, 5u}) {
      const std::string path = folder / (std::to_string(made) + ".db");
      CHECK(query(path, "PRAGMA integrity_check") == Lines{"ok"});
      CHECK(query(path, "SELECT count(*) FROM sensor_readings") == Lines{"0"});
      CHECK(query(path, "PRAGMA journal_mode") == Lines{"wal"});
      CHECK(!std::filesystem::exists(sqlite::nameless_path(path)));
    }
    CHECK(std::filesystem::file_size(folder / "1.db") == 10);
    CHECK(!std::filesystem::exists(folder / "2.db"));
    const write::ShardRows rows = Run::rows_of_sensor(4);
    CHECK(destinations[4]->take(rows.lot())->failure.ok());
    CHECK(query(folder / "4.db", "SELECT count(*) FROM sensor_readings") ==
          Lines{std::to_string(rows.readings().size())});
    CHECK(query(folder / "4.db", "SELECT run_id FROM run_info") == Lines{"test-run"});
    for (const auto& destination : destinations) destination->finish();
    sink.end();
  }
}

TEST_CASE("a run that is over makes no more files ahead") {
  const TemporaryFolder folder;
  const Run run(config::Layout::wide);
  sqlite::SqliteSink sink(run.context, 2, {});
  std::vector<std::unique_ptr<write::Destination>> destinations;
  for (std::uint32_t sensor = 0; sensor < sensors; ++sensor)
    destinations.push_back(sink.make({folder / (std::to_string(sensor) + ".db")}, {}));
  int asked = 0;
  sink.begin([&] { return ++asked > 3; });
  for (std::uint32_t sensor = 0; sensor < sensors; ++sensor) {
    const std::string path = folder / (std::to_string(sensor) + ".db");
    CHECK(std::filesystem::exists(path) == (sensor < 3));
    CHECK(!std::filesystem::exists(sqlite::nameless_path(path)));
  }
  for (const auto& destination : destinations) destination->finish();
  sink.end();
}

TEST_CASE("files that can all be open at once are made with their first rows") {
  const TemporaryFolder folder;
  const Run run(config::Layout::wide);
  sqlite::SqliteSink sink(run.context, 2, {});
  const auto one = sink.make({folder / "1.db"}, {});
  const auto other = sink.make({folder / "2.db"}, {});
  sink.begin([] { return false; });
  CHECK(std::filesystem::is_empty(folder.path()));
  sink.end();
}

TEST_CASE("a file that cannot be made is not there, and the next attempt makes it") {
  const TemporaryFolder folder;
  const Run run(config::Layout::compact);
  sqlite::Shard::Workbench bench;
  const std::string path = folder / "data/one.db";
  std::ofstream(folder / "data") << "in the way";
  sqlite::Shard shard = run.shard(path, 1);
  const write::ShardRows rows = Run::rows_of_sensor(1);
  for (int attempt = 0; attempt < 2; ++attempt) CHECK(!shard.make_whole(rows.lot(), bench).ok());
  CHECK(!shard.was_ours());
  std::filesystem::remove(folder / "data");
  REQUIRE(shard.make_whole(rows.lot(), bench).ok());
  CHECK(rows_of(sqlite::nameless_path(path)).size() == rows.readings().size());
}

}  // namespace fleet_sim::workbench_test
