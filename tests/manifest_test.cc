// The manifest of a run: what is written is read back, and what happens to a fleet is added behind it.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/problems.h"
#include "manifest/manifest.h"
#include "manifest/read_manifest.h"
#include "support/rosters.h"
#include "support/temporary_folder.h"

namespace fleet_sim::manifest_test {

using namespace fleet_sim::test;

namespace {

tables::RunInfo run_of(const std::string& id) {
  tables::RunInfo run;
  run.run_id = id;
  run.version = "0.1.0";
  run.seed = 18'446'744'073'709'551'615u;
  run.start = 1'767'225'600'000'001;
  run.began_at = 1'767'225'600'000'002;
  run.fleet_size = 3;
  run.partition = "1/1";
  run.shard_by = "none";
  run.config = "simulation:\n  seed: 7  # \"quoted\" \\ größe\n";
  run.config_hash = "0123456789abcdef";
  run.fleet_hash = "null";
  run.zone_data = "2026a";
  return run;
}

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> sensors_in(const std::filesystem::path& path) {
  std::vector<std::string> lines;
  manifest::read_sensors(path, [&](const manifest::SensorLine& line) {
    lines.push_back(timestamp_text(line.at) + " " +
                    (line.identity.empty() ? "removed " + std::string(line.removed_id)
                                           : std::string(line.identity.substr(0, 17))));
  });
  return lines;
}

}  // namespace

TEST_CASE("a run reads back, with its books once it has ended") {
  const TemporaryFolder folder;
  const manifest::Paths paths(folder.path(), {});
  const tables::RunInfo run = run_of("first");
  CHECK_FALSE(manifest::find_run(paths.run));
  manifest::Manifest manifest(paths, run, "postgresql://user@host/db");
  manifest.begin();
  auto found = manifest::find_run(paths.run);
  REQUIRE(found);
  CHECK(found->run.run_id == run.run_id);
  CHECK(found->run.version == run.version);
  CHECK(found->run.seed == run.seed);
  CHECK(found->run.start == run.start);
  CHECK(found->run.began_at == run.began_at);
  CHECK_FALSE(found->run.resumed_at);
  CHECK(found->run.fleet_size == run.fleet_size);
  CHECK(found->run.config == run.config);
  CHECK(found->run.config_hash == run.config_hash);
  CHECK(found->run.fleet_hash == run.fleet_hash);
  CHECK(found->run.zone_data == run.zone_data);
  CHECK(found->sink == "postgresql://user@host/db");
  CHECK_FALSE(found->has_ended);

  Books books;
  books.due = 10;
  books.written = 7;
  books.lost_by_reason[0] = 2;
  CHECK(manifest.end(books, run.start) == "");
  found = manifest::find_run(paths.run);
  REQUIRE(found);
  CHECK(found->has_ended);
  CHECK(found->due == 10);
  CHECK(found->written == 7);
  CHECK(found->lost == 2);
}

TEST_CASE("identities have a line for each version, and the agenda one for each entry") {
  const TemporaryFolder folder;
  const manifest::Paths paths(folder.path(), {});
  const tables::RunInfo run = run_of("first");
  identity::Roster roster = roster_of(3);
  manifest::Manifest manifest(paths, run, "ndjson:x");
  tables::RunReloads reloads;
  reloads.begin_with(run.start, {0, 2});
  manifest.begin(roster, reloads, {});
  const std::string start = "2026-01-01T00:00:00.000001Z ";
  CHECK(sensors_in(paths.sensors) ==
        std::vector<std::string>{start + "{\"id\": \"sensor-0\"", start + "{\"id\": \"sensor-2\""});

  tables::RunReload reload;
  reload.number = 1;
  reload.at = run.start + 1'000'000;
  reload.changes = "sensors: 1 added, 1 removed";
  reload.config = "a: 1\n";
  reload.identities = {1};
  reload.removed = {0};
  CHECK(manifest.add_reload(reload, roster) == "");
  const std::string later = "2026-01-01T00:00:01.000001Z ";
  CHECK(sensors_in(paths.sensors) ==
        std::vector<std::string>{start + "{\"id\": \"sensor-0\"", start + "{\"id\": \"sensor-2\"",
                                 later + "{\"id\": \"sensor-1\"", later + "removed \"sensor-0\""});
  batch::AnomalyEvent event{};
  event.started_at = run.start;
  event.type = AnomalyType::spike;
  const manifest::Injected injected{event, "sensor-1", "voltage"};
  CHECK(manifest.add_injection(injected) == "");
  const std::string agenda = content_of(paths.agenda);
  CHECK(agenda.find("{\"reload\":1,\"at\":\"2026-01-01T00:00:01.000001Z\",\"changes\":\"sensors: 1 added") ==
        0);
  CHECK(agenda.find("\n{\"injection\":\"spike\",\"at\":\"2026-01-01T00:00:00.000001Z\"") != agenda.npos);

  // A run that is resumed says again what its record has, and no more.
  const std::string sensors = content_of(paths.sensors);
  reloads.add(reload);
  manifest.begin(roster, reloads, std::vector{injected});
  CHECK(content_of(paths.sensors) == sensors);
  CHECK(content_of(paths.agenda) == agenda);
  manifest.begin(roster, reloads, {});
  CHECK(content_of(paths.agenda) == agenda.substr(0, agenda.find('\n') + 1));
}

TEST_CASE("another run keeps the files of the one before, and a partition has names of its own") {
  const TemporaryFolder folder;
  const identity::Roster roster = roster_of(1);
  const manifest::Paths paths(folder.path(), {});
  for (const char* id : {"first", "second"}) {
    const tables::RunInfo run = run_of(id);
    manifest::Manifest manifest(paths, run, "ndjson:x");
    tables::RunReloads reloads;
    reloads.begin_with(run.start, {0});
    manifest.begin(roster, reloads, {});
  }
  CHECK(manifest::find_run(paths.run)->run.run_id == "second");
  CHECK(manifest::find_run(folder.path() / "run-first.json")->run.run_id == "first");
  CHECK(sensors_in(folder.path() / "sensors-first.jsonl").size() == 1);
  CHECK(manifest::Paths(folder.path(), {2, 4}).run.filename() == "run.2-of-4.json");

  const tables::RunInfo in_files = run_of("third");
  manifest::Manifest(paths, in_files, "sqlite").begin();
  CHECK(manifest::find_run(folder.path() / "run-second.json")->run.run_id == "second");
  CHECK(sensors_in(folder.path() / "sensors-second.jsonl").size() == 1);
  CHECK_FALSE(std::filesystem::exists(paths.sensors));
}

TEST_CASE("what is no manifest is refused with its place") {
  const TemporaryFolder folder;
  const std::filesystem::path run = folder.path() / "run.json";
  const std::filesystem::path sensors = folder.path() / "sensors.jsonl";
  std::ofstream(run) << "[1, 2]";
  CHECK_THROWS_AS(manifest::find_run(run), InvalidInput);
  std::ofstream(run) << "{\"run_id\": \"x\", \"seed\": \"many\"}";
  CHECK_THROWS_WITH_AS(manifest::find_run(run), (run.string() + ": seed cannot be read").c_str(),
                       InvalidInput);
  std::ofstream(sensors) << "{\"valid_until\":\"2026-01-01T00:00:00.000001Z\",\"id\":\"a\"}\nnonsense\n";
  CHECK_THROWS_WITH_AS(sensors_in(sensors), (sensors.string() + ":2: is no line of a manifest").c_str(),
                       InvalidInput);
}

}  // namespace fleet_sim::manifest_test
