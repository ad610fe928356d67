// What a run records of its fleet: read back from shards, the union of them, and who tells what.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/problems.h"
#include "config/load_config.h"
#include "data/run_record.h"
#include "fleet/profile_table.h"
#include "history/history.h"
#include "support/rosters.h"
#include "support/temporary_folder.h"
#include "tables/run_identities.h"
#include "tables/run_reloads.h"

namespace fleet_sim::run_record_test {
using namespace fleet_sim::test;
namespace {

constexpr Timestamp start = 1'767'225'600'000'000;
constexpr Timestamp second = microseconds_per_second;

// Shards of a run of three sensors, of which each is written by hand.
struct Bench {
  Bench() {
    info.run_id = "run";
    info.start = start;
    info.config = config::config_text(config);
    info.reloads = &reloads;
    for (const char* id : {"a", "b", "c"}) roster.add(identity_of(id));
    reloads.begin_with(start, {0, 1, 2});
  }

  std::uint32_t add(const std::string& id, const std::string& firmware) {
    identity::IdentityRecord record = identity_of(id);
    record.firmware_version = firmware;
    return roster.add(record);
  }

  void reload(Timestamp at, std::vector<std::uint32_t> identities, std::vector<std::uint32_t> removed) {
    tables::RunReload reload;
    reload.at = at;
    reload.changes = "some";
    reload.config = config::config_text(config);
    reload.identities = std::move(identities);
    reload.removed = std::move(removed);
    reloads.add(reload);
  }

  // A shard that tells of the start and of these reloads.
  void record(const std::string& name, const std::vector<std::size_t>& of_reloads) {
    tables::Database shard;
    REQUIRE(shard.open(folder / name).ok());
    REQUIRE(tables::prepare_schema(shard, config.sqlite).ok());
    REQUIRE(tables::record_run(shard, info).ok());
    REQUIRE(tables::record_start(shard, info, roster).ok());
    for (const std::size_t i : of_reloads) {
      REQUIRE(tables::record_reload(shard, info, roster, reloads[i]).ok());
      reloads.note_recorded(reloads[i].number, shard);
    }
    reloads.note_recorded(0, shard);
    files.emplace_back(folder / name);
  }

  [[nodiscard]] data::RunRecord read() const { return data::read_record(files, "run"); }

  TemporaryFolder folder;
  config::Config config;
  identity::Roster roster;
  tables::RunReloads reloads;
  tables::RunInfo info;
  std::vector<std::filesystem::path> files;
};

std::vector<std::string> ids(const std::vector<std::uint32_t>& members, const identity::Roster& roster) {
  std::vector<std::string> ids;
  for (const std::uint32_t member : members) {
    ids.push_back(std::string(roster[member].id) + " " +
                  std::string(roster.text(roster[member].firmware_version)));
  }
  std::ranges::sort(ids);
  return ids;
}

using Ids = std::vector<std::string>;

}  // namespace

TEST_CASE("the shards together tell what any of them does, and the history follows it") {
  Bench bench;
  bench.reload(start + second, {bench.add("a", "2.0"), bench.add("d", "1.3")}, {1});
  bench.reload(start + 2 * second, {bench.add("b", "9.9")}, {3});  // b comes back, a leaves
  bench.record("one.db", {0});
  bench.record("two.db", {0, 1});
  bench.record("three.db", {});
  const data::RunRecord record = bench.read();
  REQUIRE(record.reloads.size() == 2);
  identity::Roster roster;
  const history::History history =
      history::History::of_record(record, start, bench.config, bench.config, roster);
  const auto firmware = [&](std::size_t reloads) { return ids(history.members_after(reloads), roster); };
  const std::string usual = identity::IdentityRecord().firmware_version;
  CHECK(firmware(0).size() == 3);
  CHECK(firmware(1) == Ids{"a 2.0", "c " + std::string(roster.text(roster[2].firmware_version)), "d 1.3"});
  CHECK(firmware(2) == Ids{"b 9.9", "c " + std::string(roster.text(roster[2].firmware_version)), "d 1.3"});
  CHECK(history.reloads()[0].became[0].from == 0u);
  CHECK_FALSE(history.reloads()[0].became[1].from);
  CHECK_FALSE(history.reloads()[0].became[1].comes_back);
  CHECK(history.reloads()[1].became[0].comes_back);
  CHECK(history.reloads_until(start + second - 1) == 0);
  CHECK(history.reloads_until(start + second) == 1);

  const history::LifeTable lives(history, roster);
  CHECK(lives.sensors().size() == 4);
  const auto of_b = lives.pieces(1, start);
  REQUIRE(of_b.size() == 2);
  CHECK(of_b[0].to == start + second);
  CHECK(of_b[1].from == start + 2 * second);
  CHECK(lives.last_joined(1, start + 3 * second).comes_back);
  CHECK_FALSE(lives.last_joined(1, start + second).comes_back);
  CHECK(lives.pieces(1, start + second).size() == 1);
}

TEST_CASE("a record with a reload that no shard tells whole is refused by name") {
  Bench bench;
  bench.reload(start + second, {bench.add("d", "1.3")}, {});
  bench.record("one.db", {0});
  tables::Database shard;
  REQUIRE(shard.open(bench.folder / "one.db").ok());
  SUBCASE("as an older version writes it") {
    REQUIRE(shard.execute("DROP TABLE run_identities").ok());
  }
  SUBCASE("with the one before it gone") {
    REQUIRE(
        shard
            .execute(
                "UPDATE run_reloads SET number = 2; UPDATE run_identities SET number = 2 WHERE number = 1")
            .ok());
  }
  CHECK_THROWS_WITH_AS(bench.read(), doctest::Contains("was reloaded while it ran"), InvalidInput);
}

TEST_CASE("of a small fleet the first shards tell") {
  tables::RunReloads reloads;
  const tables::Database one;
  const tables::Database other;
  CHECK(reloads.records_identities(0, 15, one));
  CHECK(reloads.records_identities(0, 15, other));
  reloads.note_recorded(0, one);
  CHECK(reloads.records_identities(0, 15, other));
  CHECK(reloads.records_identities(0, 50'000, other));
  CHECK_FALSE(reloads.records_identities(0, 50'001, other));
}

TEST_CASE("of a large fleet one shard at a time tells, until one has") {
  constexpr std::size_t size = 1'000'000;
  tables::RunReloads reloads;
  reloads.begin_with(start, std::vector<std::uint32_t>(size));
  const tables::Database one;
  const tables::Database other;
  CHECK(reloads.records_identities(0, size, one));
  CHECK(reloads.records_identities(0, size, one));
  CHECK_FALSE(reloads.records_identities(0, size, other));
  reloads.note_recorded(0, other);
  reloads.end_recording(other);
  CHECK_FALSE(reloads.records_identities(0, size, other));
  reloads.end_recording(one);  // whose transaction was undone
  CHECK(reloads.records_identities(0, size, one));
  reloads.end_recording(one);
  CHECK(reloads.records_identities(0, size, other));
  reloads.note_recorded(0, other);
  reloads.end_recording(other);
  CHECK_FALSE(reloads.records_identities(0, size, one));
}

TEST_CASE("a reload can be told at once, but only by a shard that has the run") {
  Bench bench;
  bench.reload(start + second, {}, {1});
  CHECK_FALSE(
      tables::record_reload_now(bench.folder / "none.db", bench.info, bench.roster, bench.reloads[0]));
  CHECK_FALSE(std::filesystem::exists(bench.folder / "none.db"));
  bench.record("one.db", {});
  CHECK(bench.read().reloads.empty());
  CHECK(tables::record_reload_now(bench.folder / "one.db", bench.info, bench.roster, bench.reloads[0]));
  REQUIRE(bench.read().reloads.size() == 1);
  CHECK(bench.read().reloads[0].identities.removed == Ids{"b"});
}

TEST_CASE("a shard that tells a reload at once tells those before it, which others may yet lose") {
  Bench bench;
  bench.reload(start + second, {bench.add("d", "1.3")}, {});
  bench.reload(start + 2 * second, {}, {1});
  bench.reload(start + 3 * second, {}, {2});
  bench.record("lost.db", {0, 1});
  bench.record("kept.db", {0});
  bench.files.erase(bench.files.begin());  // the power took what it had
  const std::filesystem::path& kept = bench.files.front();
  CHECK(tables::record_reload_now(kept, bench.info, bench.roster, bench.reloads[2]));
  const data::RunRecord record = bench.read();
  REQUIRE(record.reloads.size() == 3);
  CHECK(record.reloads[1].identities.removed == Ids{"b"});
  CHECK(record.reloads[2].identities.removed == Ids{"c"});
}

}  // namespace fleet_sim::run_record_test
