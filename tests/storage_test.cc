// Storage: names, plans, schemas, digests, and the writer, driven by step(now) alone against real SQLite
// files, real locks, and a disk that fails on demand.
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

#include "base/random.h"
#include "storage/digest.h"
#include "storage/schema.h"
#include "storage/shard_key.h"
#include "storage/shard_plan.h"
#include "storage/writer.h"
#include "support/faulty_vfs.h"
#include "support/rosters.h"
#include "support/shard_reader.h"
#include "support/temporary_folder.h"
#include "support/writer_rig.h"

using namespace fleet_sim;
using namespace fleet_sim::test;

namespace {

namespace fs = std::filesystem;

constexpr Microseconds millisecond = 1'000;
constexpr Microseconds second = 1'000'000;

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

constexpr std::array shard_keys{ShardKey::sensor, ShardKey::location, ShardKey::site, ShardKey::manufacturer,
                                ShardKey::model,  ShardKey::firmware, ShardKey::hash};

std::string name_for(ShardKey key, std::string_view text) {
  return shard_file_name({key, 4}, text);
}

std::vector<std::string> nasty_keys() {
  const std::string long_key(300, 'x');
  std::vector<std::string> keys{"A/B",
                                "A B",
                                "A+B",
                                "A%2FB",
                                "A%20B",
                                "A_B",
                                "A-B",
                                "A\\B",
                                "",
                                ".",
                                "..",
                                "...",
                                "/",
                                "../../etc/passwd",
                                "~",
                                "a~b",
                                "Köln",
                                "Ko\xcc\x88ln",
                                "\xff\xfe",
                                "'quoted'",
                                "\"quoted\"",
                                "a;b",
                                "a=b",
                                "a?b",
                                "a\nb",
                                "a\tb",
                                std::string("a\0b", 3),
                                "ab",
                                "AB",
                                "a.db",
                                "a",
                                " a",
                                "a ",
                                "file:a?mode=memory",
                                ":memory:",
                                long_key + "1",
                                long_key + "2",
                                long_key,
                                std::string(150, '/') + "1",
                                std::string(150, '/') + "2",
                                std::string(180, 'y'),
                                std::string(181, 'y'),
                                std::string(60, '\xff'),
                                std::string(61, '\xff')};
  // A key that spells the cut name of another one, without "sensor=" and ".db".
  const std::string cut = name_for(ShardKey::sensor, long_key + "1");
  keys.push_back(cut.substr(7, cut.size() - 10));
  return keys;
}

}  // namespace

TEST_CASE("shard file names are stable") {
  CHECK(name_for(ShardKey::location, "Factory A - Line 1") == "location=Factory+A+-+Line+1.db");
  CHECK(name_for(ShardKey::sensor, "SENSOR_001") == "sensor=SENSOR_001.db");
  CHECK(name_for(ShardKey::sensor, "A/B") == "sensor=A%2FB.db");
  CHECK(name_for(ShardKey::sensor, "A B") == "sensor=A+B.db");
  CHECK(name_for(ShardKey::sensor, "A+B") == "sensor=A%2BB.db");
  CHECK(name_for(ShardKey::sensor, "A%2FB") == "sensor=A%252FB.db");
  CHECK(name_for(ShardKey::location, "") == "location=.db");
  CHECK(name_for(ShardKey::location, "..") == "location=...db");
  CHECK(name_for(ShardKey::site, "Köln") == "site=K%C3%B6ln.db");
  CHECK(name_for(ShardKey::firmware, "1.3") == "firmware=1.3.db");
  CHECK(name_for(ShardKey::hash, "3-of-16") == "hash=3-of-16.db");
  CHECK(name_for(ShardKey::sensor, std::string(300, 'x')) ==
        "sensor=" + std::string(163, 'x') + "~5041DC62499DBB4A.db");
}

TEST_CASE("no two keys share a file name, and every name is safe") {
  std::set<std::string> names;
  std::size_t keys = 0;
  for (const ShardKey kind : shard_keys) {
    for (const std::string& key : nasty_keys()) {
      const std::string name = name_for(kind, key);
      CAPTURE(name);
      ++keys;
      CHECK(names.insert(name).second);
      CHECK(name.size() <= 255 - std::string("-journal").size());
      CHECK_FALSE(name.starts_with('.'));
      CHECK(name.ends_with(".db"));
      CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_+%=~") ==
            std::string::npos);
    }
  }
  CHECK(names.size() == keys);
}

TEST_CASE("random keys never share a file name") {
  std::map<std::string, std::string> key_of;
  constexpr std::string_view letters = "A/ +%2F.\xff";
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    std::string key;
    const std::uint64_t length = uniform_below(mix_words(i, 1), 8);
    for (std::uint64_t c = 0; c < length; ++c)
      key += letters[uniform_below(mix_words(i, c + 2), letters.size())];
    const auto [entry, is_new] = key_of.try_emplace(name_for(ShardKey::sensor, key), key);
    CHECK(entry->second == key);
  }
}

TEST_CASE("the shard key is what sensors of a shard have in common") {
  IdentityRecord record = identity_of("s-1", "Factory A - Line 1 - Cell 2");
  record.manufacturer = "DataSense";
  record.model = "TempVibe-3000";
  record.firmware_version = "1.3.0";
  const Roster roster = roster_of({record, identity_of("s-2", "Yard")});
  const auto key = [&](ShardKey kind, std::size_t sensor = 0) {
    return shard_key({kind, 16}, roster, roster[sensor]);
  };
  CHECK(key(ShardKey::none).empty());
  CHECK(key(ShardKey::sensor) == "s-1");
  CHECK(key(ShardKey::location) == "Factory A - Line 1 - Cell 2");
  CHECK(key(ShardKey::site) == "Factory A");
  CHECK(key(ShardKey::site, 1) == "Yard");
  CHECK(key(ShardKey::manufacturer) == "DataSense");
  CHECK(key(ShardKey::model) == "TempVibe-3000");
  CHECK(key(ShardKey::firmware) == "1.3");
  for (std::size_t sensor : {0u, 1u}) CHECK(key(ShardKey::hash, sensor).ends_with("-of-16"));
  for (const ShardKey kind : shard_keys)
    CHECK(name_for(kind, "").starts_with(std::string(name_of(kind)) + "="));
}

TEST_CASE("hash slots are stable, spread evenly, and of one width") {
  const Roster roster = roster_of(16'000);
  std::map<std::string, double> sizes;
  for (std::size_t i = 0; i < roster.size(); ++i)
    sizes[shard_key({ShardKey::hash, 16}, roster, roster[i])] += 1;
  CHECK(sizes.size() == 16);
  CHECK(sizes.begin()->first == "00-of-16");
  CHECK(sizes.rbegin()->first == "15-of-16");
  // Within 5 standard errors of a binomial with p = 1/16.
  for (const auto& [slot, size] : sizes)
    CHECK(std::abs(size - 1'000) < 5 * std::sqrt(16'000.0 / 16 * 15 / 16));
  CHECK(shard_key({ShardKey::hash, 16}, roster, roster[0]) == "09-of-16");
  CHECK(shard_key({ShardKey::hash, 1}, roster, roster[0]) == "0-of-1");
}

namespace {

struct Load {
  double heaviest = 0;
  double sum = 0;
};

Load load_of(const ShardPlan& plan, const std::vector<double>& rates, std::size_t writers) {
  std::vector<double> loads(writers, 0);
  Load load;
  for (std::size_t i = 0; i < rates.size(); ++i) {
    loads[plan.writer_of[i]] += rates[i];
    load.sum += rates[i];
  }
  load.heaviest = *std::max_element(loads.begin(), loads.end());
  return load;
}

// The best possible heaviest load, by trying every way of dealing out.
double optimum(const std::vector<double>& rates, std::size_t writers) {
  std::size_t ways = 1;
  for (std::size_t i = 0; i < rates.size(); ++i) ways *= writers;
  double best = 1e300;
  for (std::size_t way = 0; way < ways; ++way) {
    std::vector<double> loads(writers, 0);
    std::size_t rest = way;
    for (const double rate : rates) {
      loads[rest % writers] += rate;
      rest /= writers;
    }
    best = std::min(best, *std::max_element(loads.begin(), loads.end()));
  }
  return best;
}

Config sharded_by_sensor(std::uint32_t writers) {
  Config config;
  config.sharding.key = ShardKey::sensor;
  config.database.data_dir = "data";
  config.database.writers = writers;
  return config;
}

}  // namespace

// Graham 1969: dealing out the heaviest first is never worse than 4/3 - 1/(3m) of the best.
TEST_CASE("writers get about the same number of rows: at most 4/3 of the best there is") {
  const Roster roster = roster_of(8);
  for (std::uint64_t round = 0; round < 60; ++round) {
    const std::uint32_t writers = round % 2 == 0 ? 2 : 3;
    std::vector<double> rates;
    for (std::uint64_t i = 0; i < 8; ++i) rates.push_back(std::pow(10, uniform(mix_words(round, i), -1, 2)));
    const ShardPlan plan = plan_shards(roster, all_of(roster), rates, sharded_by_sensor(writers));
    const double limit = (4.0 / 3 - 1.0 / (3 * writers)) * optimum(rates, writers);
    CHECK(load_of(plan, rates, writers).heaviest <= limit * (1 + 1e-12));
  }
}

TEST_CASE("many equal shards are dealt out evenly, and a plan is consistent") {
  const Roster roster = roster_of(1'000);
  const std::vector<double> rates(1'000, 2.0);
  const ShardPlan plan = plan_shards(roster, all_of(roster), rates, sharded_by_sensor(8));
  CHECK(plan.shard_count == 1'000);
  CHECK(load_of(plan, rates, 8).heaviest == 250);
  std::set<std::string> paths;
  for (const auto& of_writer : plan.paths) paths.insert(of_writer.begin(), of_writer.end());
  CHECK(paths.size() == 1'000);
  for (std::uint32_t i = 0; i < 1'000; ++i) {
    const auto [writer, shard] = plan.place_of[i];
    CHECK(writer == plan.writer_of[i]);
    CHECK(plan.paths[writer][shard] == "data/sensor=sensor-" + std::to_string(i) + ".db");
  }
}

TEST_CASE("the plan does not depend on the order of the identity files") {
  std::vector<IdentityRecord> records;
  for (int i = 0; i < 300; ++i) {
    records.push_back(identity_of("sensor-" + std::to_string(i), "Site " + std::to_string(i % 37)));
  }
  Config config = sharded_by_sensor(5);
  config.sharding.key = ShardKey::location;
  const auto places = [&](const std::vector<IdentityRecord>& order) {
    const Roster roster = roster_of(order);
    const ShardPlan plan = plan_shards(roster, all_of(roster), std::vector<double>(300, 0.1), config);
    std::map<std::string, std::pair<std::uint32_t, std::string>> of_sensor;
    for (std::uint32_t i = 0; i < roster.size(); ++i) {
      const auto [writer, shard] = plan.place_of[i];
      of_sensor[std::string(roster[i].id)] = {writer, plan.paths[writer][shard]};
    }
    return of_sensor;
  };
  const auto expected = places(records);
  CHECK(expected.at("sensor-38").second == "data/location=Site+1.db");
  for (std::uint64_t round = 0; round < 10; ++round) {
    std::sort(records.begin(), records.end(), [round](const IdentityRecord& a, const IdentityRecord& b) {
      return mix_words(hash_text(a.id), round) < mix_words(hash_text(b.id), round);
    });
    CHECK(places(records) == expected);
  }
}

TEST_CASE("unsharded, all sensors go to the file the config names") {
  const Roster roster = roster_of(3);
  Config config;
  config.database.path = "some/where/my.db";
  config.database.writers = 4;
  const ShardPlan plan = plan_shards(roster, all_of(roster), std::vector<double>(3, 1), config);
  CHECK(plan.shard_count == 1);
  CHECK(plan.paths.size() == 4);
  CHECK(plan.paths[plan.writer_of[0]] == std::vector<std::string>{"some/where/my.db"});
  config.database.data_dir = "else";
  CHECK(plan_shards(roster, all_of(roster), std::vector<double>(3, 1), config).paths[0][0] == "else/my.db");
}

TEST_CASE("only members have a say in the plan") {
  const Roster roster = roster_of(10);
  const std::vector<std::uint32_t> members{2, 7};
  const ShardPlan plan = plan_shards(roster, members, std::vector<double>{1, 1}, sharded_by_sensor(1));
  CHECK(plan.paths[0] == std::vector<std::string>{"data/sensor=sensor-2.db", "data/sensor=sensor-7.db"});
  CHECK(plan.place_of[7].shard == 1);
}

// ----------------------------------------------------------------------------------------------------------
// schema

namespace {

StorageError prepare(const std::string& path, const DatabaseSettings& settings = {}) {
  Database database = opened(path);
  return prepare_schema(database, settings);
}

StorageError check(const std::string& path) {
  Database database;
  if (StorageError error = database.open_to_read(path); !error.ok()) return error;
  return check_schema(database);
}

constexpr const char* without_synced_columns =
    "id INTEGER PRIMARY KEY, timestamp TEXT NOT NULL, sensor_id TEXT NOT NULL, temperature REAL, vibration "
    "REAL, "
    "voltage REAL, status_code INTEGER, anomaly_flag INTEGER, anomaly_type TEXT, firmware_version TEXT, "
    "model TEXT, "
    "manufacturer TEXT, location TEXT";

}  // namespace

TEST_CASE("a new file gets the tables of the SPEC") {
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
                                 "started_at", "ended_at", "readings_affected"});
  CHECK(query(folder / "new.db", "SELECT count(*) FROM pragma_table_info('run_info')") ==
        std::vector<std::string>{"10"});
  CHECK(query(folder / "new.db", "PRAGMA user_version") == std::vector<std::string>{"1"});
  CHECK(query(folder / "new.db", "PRAGMA journal_mode") == std::vector<std::string>{"wal"});
  CHECK(check(folder / "new.db").ok());
}

TEST_CASE("a connection is set up as the config says") {
  const TemporaryFolder folder;
  for (const auto& [mode, number] :
       {std::pair(Synchronous::off, 0), std::pair(Synchronous::normal, 1), std::pair(Synchronous::full, 2)}) {
    DatabaseSettings settings;
    settings.synchronous = mode;
    settings.page_size = 8'192;
    settings.cache_kib = 2'048;
    settings.checkpoint_pages = 77;
    Database database = opened(folder / "set.db");
    REQUIRE(prepare_schema(database, settings).ok());
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
      {{more.c_str(), "has another sensor_readings, with other columns"},
       {swapped.c_str(), "has another sensor_readings, with other columns"},
       {"CREATE TABLE anomaly_events (id INTEGER PRIMARY KEY, sensor_id TEXT)", "has another anomaly_events"},
       {"CREATE TABLE run_info (name TEXT)", "has another run_info"},
       {"CREATE VIEW sensor_readings AS SELECT 1 AS id", "has another sensor_readings, with other columns"},
       {own_id.c_str(), "has another sensor_readings, with other columns"},
       {no_default.c_str(), "has another sensor_readings, with other columns"},
       {"CREATE TABLE x (y)", "has tables, but no sensor_readings"},
       {"PRAGMA user_version = -5; CREATE TABLE x (y)", "is no fleet-sim file (schema version -5"},
       {"PRAGMA user_version = 2; CREATE TABLE x (y)",
        "is of a newer fleet-sim (schema version 2, this one knows those up to 1)"}}};
  for (const auto& [sql, message] : foreign) {
    const std::string path = folder / "foreign.db";
    fs::remove(path);
    run_sql(path, sql);
    const std::string before = bytes_of(path);
    CAPTURE(sql);
    for (const StorageError& error : {check(path), prepare(path)}) {
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
  ShardPlan plan;
  plan.paths = {{folder / "good.db", folder / "absent.db"},
                {folder / "foreign.db", folder / "letter.db", folder / "empty.db"}};
  Problems problems;
  check_shard_files(plan, problems);
  CHECK(problems.count() == 2);
  CHECK(problems.text().find("foreign.db: cannot be appended to: has another sensor_readings") !=
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

  DatabaseSettings settings;
  settings.unsynced_index = false;
  const std::string indexes = "SELECT count(*) FROM sqlite_schema WHERE name = 'sensor_readings_unsynced'";
  REQUIRE(prepare(folder / "a.db", settings).ok());
  CHECK(query(folder / "a.db", indexes) == std::vector<std::string>{"0"});
  REQUIRE(prepare(folder / "a.db").ok());
  CHECK(query(folder / "a.db", indexes) == std::vector<std::string>{"1"});
}

TEST_CASE("a run is recorded once per file, whole") {
  const TemporaryFolder folder;
  RunInfo run;
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
  Database database = opened(folder / "a.db");
  REQUIRE(prepare_schema(database, {}).ok());
  CHECK(record_run(database, run).ok());
  CHECK(record_run(database, run).ok());
  CHECK(query(folder / "a.db", "SELECT * FROM run_info") ==
        std::vector<std::string>{
            "2026-01-01T00:00:00-00000001|-1|0.1.0|a: 'b'\n|00ff|1970-01-01T00:00:00.000000Z|"
            "1970-01-01T00:00:01.500000Z|15|1/4|hash:4"});
}

// ----------------------------------------------------------------------------------------------------------
// writer

TEST_CASE("enough rows start a transaction at once") {
  WriterRig rig;
  rig.send(0, 9);
  rig.step();
  CHECK(rig.rows_in_file(0) == 0);
  CHECK(rig.writer().held() == 9);
  rig.send(0, 1);
  rig.step();
  CHECK(rig.has_first(0, 10));
  CHECK(rig.writer().held() == 0);
  CHECK(rig.ledger.books().written == 10);
}

TEST_CASE("fewer rows are committed when the oldest has waited for the flush interval") {
  WriterRig rig;
  rig.send(0, 1);
  const SteadyTime since = rig.now();
  CHECK(rig.step() == since + std::chrono::seconds(1));
  rig.send(0, 1);
  CHECK(rig.advance(500 * millisecond) == since + std::chrono::seconds(1));
  rig.advance(499 * millisecond);
  CHECK(rig.rows_in_file(0) == 0);
  rig.advance(1 * millisecond);
  CHECK(rig.has_first(0, 2));
  // The next row has an interval of its own.
  rig.send(0, 1);
  rig.step();
  rig.advance(999 * millisecond);
  CHECK(rig.rows_in_file(0) == 2);
  rig.advance(1 * millisecond);
  CHECK(rig.has_first(0, 3));
}

TEST_CASE("an idle writer asks for nothing and makes no file") {
  WriterRig rig;
  CHECK(rig.step() == rig.now() + std::chrono::seconds(1));
  rig.advance(60 * second);
  rig.finish();
  CHECK(rig.writer().files_written() == 0);
  CHECK(fs::is_empty(rig.folder.path()));
}

TEST_CASE("rows keep their order over many transactions, with ids that go up by one") {
  WriterRig rig;
  for (const std::size_t count : {1u, 31u, 32u, 33u, 64u, 65u, 7u, 500u, 1'500u}) {
    rig.send(0, count);
    rig.go_on_for(2 * second);
  }
  CHECK(rig.has_first(0, 2'233));
  const std::vector<Row> rows = rows_of(rig.path_of(0));
  for (std::size_t i = 0; i < rows.size(); ++i) REQUIRE(rows[i].id == static_cast<std::int64_t>(i) + 1);
}

TEST_CASE("a row holds the reading, its identity and its anomaly") {
  WriterRig rig;
  Batch* batch = rig.pool.acquire();
  batch->readings.push_back({WriterRig::first_due, {1.1, 0x1.fffffffffffffp+3, -0.0}, 0, std::nullopt});
  batch->readings.push_back({WriterRig::first_due + 1, {2, 3, 4}, 0, AnomalyType::pattern});
  rig.writer().queue().push(batch);
  rig.go_on_for(2 * second);
  const std::vector<Row> rows = rows_of(rig.path_of(0));
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].timestamp == "2026-01-01T00:00:00.000000Z");
  CHECK(rows[0].sensor_id == "sensor-0");
  CHECK(rows[0].temperature == 1.1);
  CHECK(rows[0].vibration == 0x1.fffffffffffffp+3);
  CHECK(rows[0].voltage == 0.0);
  CHECK(rows[0].status_code == 0);
  CHECK(rows[0].anomaly_flag == 0);
  CHECK(rows[0].anomaly_type == std::nullopt);
  CHECK(rows[0].firmware_version == "1.3");
  CHECK(rows[0].model == "TempVibe-2000");
  CHECK(rows[0].manufacturer == "SensorTech");
  CHECK(rows[0].location == "Office");
  CHECK(rows[0].synced == 0);
  CHECK(rows[1].timestamp == "2026-01-01T00:00:00.000001Z");
  CHECK(rows[1].status_code == 1);
  CHECK(rows[1].anomaly_flag == 1);
  CHECK(rows[1].anomaly_type == "pattern");
}

namespace {

AnomalyEvent event_of(AnomalyEvent::Kind kind, std::uint32_t affected, Microseconds started = 0) {
  return {WriterRig::first_due + started,
          WriterRig::first_due + started + 5'000'000,
          2.5,
          0,
          affected,
          AnomalyType::spike,
          kind,
          Channel::voltage,
          -1};
}

std::vector<std::string> events_in(const WriterRig& rig) {
  return query(rig.path_of(0),
               "SELECT sensor_id, anomaly_type, channel, direction, magnitude, substr(started_at, 18), "
               "substr(ended_at, 18), readings_affected FROM anomaly_events ORDER BY id");
}

}  // namespace

TEST_CASE("an event is one row from its first reading to its last") {
  using Kind = AnomalyEvent::Kind;
  WriterRig rig;
  rig.send(event_of(Kind::opened, 1));
  rig.go_on_for(2 * second);
  CHECK(events_in(rig) == std::vector<std::string>{"sensor-0|spike|voltage|-1|2.5|00.000000Z|NULL|1"});
  rig.send(event_of(Kind::progressed, 3));
  rig.go_on_for(2 * second);
  CHECK(events_in(rig) == std::vector<std::string>{"sensor-0|spike|voltage|-1|2.5|00.000000Z|NULL|3"});
  rig.send(event_of(Kind::closed, 5));
  rig.go_on_for(2 * second);
  CHECK(events_in(rig) == std::vector<std::string>{"sensor-0|spike|voltage|-1|2.5|00.000000Z|05.000000Z|5"});

  AnomalyEvent gap = event_of(Kind::whole, 2, 10'000'000);
  gap.type = AnomalyType::missing_data;
  gap.channel.reset();
  gap.magnitude.reset();
  gap.direction = 0;
  rig.send(gap);
  rig.go_on_for(2 * second);
  CHECK(events_in(rig).at(1) == "sensor-0|missing_data|NULL|NULL|NULL|10.000000Z|15.000000Z|2");
}

TEST_CASE("an event that another run left open is not closed by this one's") {
  using Kind = AnomalyEvent::Kind;
  WriterRig rig;
  rig.send(event_of(Kind::opened, 4));  // as an earlier run with the same seed left it
  rig.go_on_for(2 * second);
  rig.send(event_of(Kind::opened, 1));
  rig.send(event_of(Kind::closed, 6));
  rig.go_on_for(2 * second);
  CHECK(events_in(rig) == std::vector<std::string>{"sensor-0|spike|voltage|-1|2.5|00.000000Z|NULL|4",
                                                   "sensor-0|spike|voltage|-1|2.5|00.000000Z|05.000000Z|6"});
}

TEST_CASE("a second run goes on after the first one's rows") {
  WriterRig rig;
  rig.send(0, 20);
  rig.step();
  rig.finish();
  const std::string path = rig.path_of(0);
  RunInfo second_run = rig.run;
  second_run.run_id = "second";
  const ShardContext context{rig.roster, rig.config.database, second_run, {}};
  Shard shard(path, context);
  shard.stage({WriterRig::first_due + 99'000'000, {1, 2, 3}, 0, std::nullopt}, rig.now());
  REQUIRE(shard.flush().ok());
  shard.close(Shard::Close::for_good);
  const std::vector<Row> rows = rows_of(path);
  CHECK(rows.size() == 21);
  CHECK(rows.back().id == 21);
  CHECK(query(path, "SELECT run_id FROM run_info ORDER BY 1") ==
        std::vector<std::string>{"second", "test-run"});
}

namespace {

// Which shards' files this process has open, by the number of the sensor.
std::set<std::string> open_files(const TemporaryFolder& folder) {
  std::set<std::string> open;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const fs::path target = fs::read_symlink(entry.path(), gone);
    if (target.parent_path() == folder.path() && target.extension() == ".db")
      open.insert(target.stem().string());
  }
  return open;
}

using Names = std::set<std::string>;

}  // namespace

TEST_CASE("only so many files are open; the one longest unused makes room") {
  WriterRig rig({.sensors = 4, .open_shards = 2});
  const auto write = [&rig](std::uint32_t sensor) {
    rig.send(sensor, 10);
    rig.step();
    return open_files(rig.folder);
  };
  CHECK(write(0) == Names{"sensor=sensor-0"});
  CHECK(write(1) == Names{"sensor=sensor-0", "sensor=sensor-1"});
  CHECK(write(0) == Names{"sensor=sensor-0", "sensor=sensor-1"});
  CHECK(write(2) == Names{"sensor=sensor-0", "sensor=sensor-2"});
  CHECK(write(3) == Names{"sensor=sensor-2", "sensor=sensor-3"});
  CHECK(write(0) == Names{"sensor=sensor-0", "sensor=sensor-3"});
  for (std::uint32_t round = 0; round < 20; ++round) CHECK(write(round % 4).size() <= 2);
  rig.finish();
  CHECK(rig.has_everything());
  CHECK(rig.writer().files_written() == 4);
  CHECK(open_files(rig.folder).empty());
}

TEST_CASE("after the end every file stands alone") {
  WriterRig rig({.sensors = 6, .open_shards = 2});
  for (std::uint32_t sensor = 0; sensor < 6; ++sensor) rig.send(sensor, 25);
  rig.go_on_for(3 * second);
  rig.send(0, 3);
  rig.finish();
  std::set<std::string> files;
  for (const auto& entry : fs::directory_iterator(rig.folder.path())) {
    files.insert(entry.path().filename().string());
  }
  CHECK(files == Names{"sensor=sensor-0.db", "sensor=sensor-1.db", "sensor=sensor-2.db", "sensor=sensor-3.db",
                       "sensor=sensor-4.db", "sensor=sensor-5.db"});
  CHECK(rig.has_everything());
  CHECK(rig.imbalance().empty());
}

TEST_CASE("a file that somebody else has locked is tried again, without error and without loss") {
  WriterRig rig;
  rig.send(0, 10);
  rig.step();
  Database other = opened(rig.path_of(0));
  REQUIRE(other.execute("BEGIN IMMEDIATE").ok());
  rig.send(0, 25);
  const SteadyTime again = rig.step();
  CHECK(again > rig.now());
  CHECK(again <= rig.now() + std::chrono::milliseconds(25));
  rig.go_on_for(4 * second);
  CHECK(rig.has_first(0, 10));
  rig.send(0, 3);
  REQUIRE(other.execute("ROLLBACK").ok());
  rig.go_on_for(100 * millisecond);
  CHECK(rig.has_first(0, 38));
  CHECK(rig.writer().errors() == 0);
  CHECK(rig.log.empty());
  CHECK(rig.imbalance().empty());
}

TEST_CASE("a lock that outlasts the busy timeout is an error, and still loses nothing") {
  WriterRig rig;
  rig.send(0, 10);
  rig.step();
  Database other = opened(rig.path_of(0));
  REQUIRE(other.execute("BEGIN IMMEDIATE").ok());
  rig.send(0, 10);
  rig.go_on_for(4'900 * millisecond);
  CHECK(rig.writer().errors() == 0);
  rig.go_on_for(200 * millisecond);
  CHECK(rig.writer().errors() > 0);
  REQUIRE(other.execute("ROLLBACK").ok());
  rig.go_on_for(3 * second);
  CHECK(rig.has_first(0, 20));
  CHECK(rig.gave_up == 0);
}

TEST_CASE("a locked new file is waited for as well") {
  WriterRig rig;
  Database other = opened(rig.path_of(0));
  REQUIRE(other.execute("BEGIN EXCLUSIVE").ok());
  rig.send(0, 10);
  rig.go_on_for(2 * second);
  CHECK(rig.writer().errors() == 0);
  REQUIRE(other.execute("ROLLBACK").ok());
  rig.go_on_for(100 * millisecond);
  CHECK(rig.has_first(0, 10));
}

TEST_CASE("one locked shard of sixteen does not delay the others") {
  WriterRig rig({.sensors = 16});
  for (std::uint32_t sensor = 0; sensor < 16; ++sensor) rig.send(sensor, 10);
  rig.step();
  Database other = opened(rig.path_of(5));
  REQUIRE(other.execute("BEGIN IMMEDIATE").ok());
  for (std::size_t round = 2; round <= 10; ++round) {
    for (std::uint32_t sensor = 0; sensor < 16; ++sensor) rig.send(sensor, 10);
    // The very step that takes the rows commits them.
    rig.step();
    for (std::uint32_t sensor = 0; sensor < 16; ++sensor) {
      CHECK(rig.rows_in_file(sensor) == (sensor == 5 ? 10 : 10 * round));
    }
    rig.advance(20 * millisecond);
  }
  REQUIRE(other.execute("ROLLBACK").ok());
  rig.go_on_for(100 * millisecond);
  CHECK(rig.has_everything());
  CHECK(rig.writer().errors() == 0);
}

TEST_CASE("a locked file at the end is given up after the busy timeout and its retries, and counted") {
  WriterRig rig({}, [](Config& config) { config.database.busy_timeout_ms = 20; });
  rig.send(0, 10);
  rig.step();
  Database other = opened(rig.path_of(0));
  REQUIRE(other.execute("BEGIN IMMEDIATE").ok());
  rig.send(0, 7);
  rig.finish();
  CHECK(rig.ledger.books().lost_by_reason[static_cast<std::size_t>(LossReason::storage_failed_at_stop)] == 7);
  CHECK(rig.writer().held() == 0);
  CHECK(rig.imbalance().empty());
  CHECK(rig.has_first(0, 10));
}

// ----------------------------------------------------------------------------------------------------------
// faults

TEST_CASE("a transaction that fails half-way is rolled back whole") {
  FaultyVfs vfs;
  // A cache so small that pages reach the log long before the commit.
  WriterRig rig({.vfs = vfs.name()}, [](Config& config) {
    config.database.batch_size = 1'000;
    config.database.cache_kib = 64;
  });
  rig.send(0, 1'000);
  rig.step();
  CHECK(rig.has_first(0, 1'000));
  for (std::size_t written = 1'000; written < 6'000; written += 1'000) {
    rig.send(0, 1'000);
    // Later and later within the transaction.
    vfs.fail_writes(written / 300, 1, SQLITE_FULL);
    const std::uint64_t before = vfs.failed();
    rig.step();
    CHECK(vfs.failed() == before + 1);
    CHECK(rig.has_first(0, written));
    CHECK(rig.writer().held() == 1'000);
    rig.go_on_for(1 * second);
    CHECK(rig.has_first(0, written + 1'000));
  }
  CHECK(rig.writer().errors() == 5);
  CHECK(rig.imbalance().empty());
}

// The fault moves through everything that opening, creating, writing, checkpointing and closing do.
TEST_CASE("whichever write fails, every row is there once and in order when the disk works again") {
  for (std::uint64_t nth = 1; nth <= 100; ++nth) {
    FaultyVfs vfs;
    WriterRig rig({.sensors = 3, .open_shards = 2, .vfs = vfs.name()}, [nth](Config& config) {
      // Waiting for the disk takes most of the time and changes no write; a few rounds do it.
      config.database.synchronous = nth % 10 == 0 ? Synchronous::normal : Synchronous::off;
      config.database.checkpoint_pages = 8;
      config.database.page_size = 4'096;
    });
    vfs.fail_writes(nth, 1 + nth % 5, nth % 2 == 0 ? SQLITE_FULL : SQLITE_IOERR_WRITE);
    for (int round = 0; round < 8; ++round) {
      for (std::uint32_t sensor = 0; sensor < 3; ++sensor) rig.send(sensor, 7 + sensor);
      rig.go_on_for(300 * millisecond);
    }
    CAPTURE(nth);
    CHECK(vfs.failed() >= 1);
    rig.finish();
    CHECK(rig.has_everything());
    CHECK(rig.ledger.books().lost() == 0);
    CHECK(rig.ledger.books().written == 8 * (7 + 8 + 9));
    CHECK(rig.imbalance().empty());
    for (std::uint32_t sensor = 0; sensor < 3; ++sensor) {
      CHECK(query(rig.path_of(sensor), "PRAGMA integrity_check") == std::vector<std::string>{"ok"});
      CHECK(query(rig.path_of(sensor), "SELECT run_id FROM run_info") ==
            std::vector<std::string>{"test-run"});
    }
  }
}

// A constraint, unlike a disk, makes SQLite undo the statement only.
TEST_CASE("a shard whose flush fails holds no lock, keeps its rows and writes them later") {
  WriterRig rig;
  const ShardContext context{rig.roster, rig.config.database, rig.run, {}};
  Shard shard(rig.path_of(0), context);
  const auto stage = [&](Timestamp due) { shard.stage({due, {1, 2, 3}, 0, std::nullopt}, {}); };
  stage(1);
  REQUIRE(shard.flush().ok());
  shard.forget_pending();
  run_sql(rig.path_of(0),
          "CREATE TRIGGER t BEFORE INSERT ON sensor_readings WHEN NEW.timestamp LIKE '%000039Z' "
          "BEGIN SELECT RAISE(ABORT, 'not this one'); END");
  for (Timestamp due = 2; due < 50; ++due) stage(due);
  const StorageError error = shard.flush();
  CHECK((error.code & 0xFF) == SQLITE_CONSTRAINT);
  CHECK(error.message == "not this one");
  CHECK(rig.rows_in_file(0) == 1);
  CHECK(shard.pending_readings().size() == 48);
  run_sql(rig.path_of(0), "DROP TRIGGER t");
  CHECK(shard.flush().ok());
  CHECK(rig.rows_in_file(0) == 49);
}

TEST_CASE("retries come later and later, and their running out is said once") {
  FaultyVfs vfs;
  WriterRig rig({.vfs = vfs.name()}, [](Config& config) { config.database.error_limit = 1'000; });
  rig.send(0, 10);
  rig.step();
  vfs.fail_writes(1, FaultyVfs::for_ever);
  rig.send(0, 10);
  for (unsigned attempt = 1; attempt <= 12; ++attempt) {
    const SteadyTime next = rig.step();
    CHECK(rig.writer().errors() == attempt);
    const auto whole = std::min<Microseconds>(20 * millisecond << (attempt - 1), 2 * second);
    const auto wait = std::chrono::duration_cast<std::chrono::microseconds>(next - rig.now()).count();
    CAPTURE(attempt);
    CHECK(wait <= whole);
    // An idle writer looks around once a second in any case.
    CHECK(wait >= std::min(whole / 2, second));
    CHECK(rig.log.size() == (attempt <= 3 ? 0 : 1));
    // Not a microsecond before its time, whatever comes meanwhile.
    rig.send(event_of(AnomalyEvent::Kind::whole, 1, attempt * second));
    rig.send(0, 1);
    rig.advance(std::min(whole / 2, wait) - 1);
    CHECK(rig.writer().errors() == attempt);
    while (rig.writer().errors() == attempt) rig.advance(10 * millisecond);
  }
}

TEST_CASE("when retries run out rows wait, and all are written in order once the disk works") {
  FaultyVfs vfs;
  WriterRig rig({.sensors = 2, .vfs = vfs.name()},
                [](Config& config) { config.database.error_limit = 1'000; });
  rig.send(0, 10);
  rig.send(1, 10);
  rig.step();
  vfs.fail_writes(1, FaultyVfs::for_ever, SQLITE_FULL, "sensor-0");
  for (int round = 0; round < 40; ++round) {
    rig.send(0, 10);
    rig.send(1, 10);
    rig.go_on_for(500 * millisecond);
    CHECK(rig.has_all(1));
    CHECK(rig.has_first(0, 10));
  }
  REQUIRE(rig.log.size() == 1);
  CHECK(rig.log[0].starts_with(rig.path_of(0) + ": cannot be written, rows wait in memory: "));
  CHECK(rig.writer().held() == 400);
  CHECK(rig.ledger.books().lost() == 0);
  vfs.heal();
  rig.go_on_for(2 * second);
  CHECK(rig.has_everything());
  REQUIRE(rig.log.size() == 2);
  CHECK(rig.log[1] == rig.path_of(0) + ": works again, backlog written");
  CHECK(rig.writer().held() == 0);
  // As healthy as before.
  rig.send(0, 10);
  rig.step();
  CHECK(rig.has_everything());
  CHECK(rig.imbalance().empty());
}

TEST_CASE("a file that cannot even be opened is treated as one that cannot be written") {
  FaultyVfs vfs;
  WriterRig rig({.sensors = 2, .vfs = vfs.name()});
  vfs.fail_opens("sensor-1");
  rig.send(0, 10);
  rig.send(1, 10);
  rig.go_on_for(1 * second);
  CHECK(rig.has_all(0));
  CHECK(rig.writer().errors() > 3);
  vfs.heal();
  rig.go_on_for(2 * second);
  CHECK(rig.has_everything());
}

TEST_CASE("beyond the backlog's bound rows are counted as lost, and the oldest are kept") {
  FaultyVfs vfs;
  WriterRig rig({.sensors = 2, .pending_rows = 200, .vfs = vfs.name()},
                [](Config& config) { config.database.error_limit = 1'000; });
  rig.send(0, 10);
  rig.step();
  vfs.fail_writes(1, FaultyVfs::for_ever, SQLITE_IOERR_WRITE, "sensor-0");
  rig.send(0, 10);
  rig.step();
  for (int round = 0; round < 30; ++round) {
    rig.send(0, 10);
    rig.send(1, 10);
    rig.advance(100 * millisecond);
  }
  CHECK(rig.writer().held() == 100);
  CHECK(rig.ledger.books().lost_by_reason[static_cast<std::size_t>(LossReason::backlog_full)] == 210);
  CHECK(rig.has_all(1));
  CHECK(rig.imbalance().empty());
  vfs.heal();
  rig.go_on_for(3 * second);
  CHECK(rig.has_first(0, 110));
  // There is room again.
  rig.send(1, 10);
  rig.step();
  CHECK(rig.has_all(1));
  CHECK(rig.ledger.books().lost() == 210);
  CHECK(rig.imbalance().empty());
}

TEST_CASE("events beyond the backlog's bound are counted as lost too") {
  FaultyVfs vfs;
  WriterRig rig({.pending_rows = 200, .vfs = vfs.name()},
                [](Config& config) { config.database.error_limit = 1'000; });
  vfs.fail_opens("sensor-0");
  rig.send(0, 10);
  rig.go_on_for(2 * second);
  AnomalyEvent event{};
  event.kind = AnomalyEvent::Kind::whole;
  for (int i = 0; i < 300; ++i) {
    event.started_at = event.ended_at = WriterRig::first_due + i;
    rig.send(event);
    rig.step();
  }
  CHECK(rig.ledger.books().events_lost == 210);
  vfs.heal();
  rig.go_on_for(3 * second);
  CHECK(rig.has_all(0));
  CHECK(query(rig.path_of(0), "SELECT count(*), count(DISTINCT started_at) FROM anomaly_events") ==
        std::vector<std::string>{"90|90"});
}

TEST_CASE("while a shard is being retried nothing is lost: the writer takes no more than its memory holds") {
  WriterRig rig({.pending_rows = 100});
  rig.send(0, 10);
  rig.step();
  Database other = opened(rig.path_of(0));
  REQUIRE(other.execute("BEGIN IMMEDIATE").ok());
  for (int round = 0; round < 30; ++round) {
    rig.send(0, 10);
    // With batches waiting and no room for them, it does not ask to be called again at once for ever.
    const SteadyTime next = rig.step();
    if (rig.writer().held() >= 50) CHECK(next > rig.now());
    rig.go_on_for(10 * millisecond);
  }
  CHECK(rig.writer().held() == 50);
  CHECK_FALSE(rig.writer().queue().empty());
  CHECK(rig.ledger.books().lost() == 0);
  REQUIRE(other.execute("ROLLBACK").ok());
  rig.go_on_for(2 * second);
  CHECK(rig.has_all(0));
  CHECK(rig.imbalance().empty());
}

TEST_CASE("healthy rows that fill the memory are committed early and none is lost") {
  WriterRig rig({.sensors = 4, .pending_rows = 100}, [](Config& config) {
    config.database.batch_size = 1'000;
    config.database.flush_interval_ms = 60'000;
  });
  for (int round = 0; round < 10; ++round) {
    for (std::uint32_t sensor = 0; sensor < 4; ++sensor) rig.send(sensor, 20);
    for (int i = 0; i < 4; ++i) rig.step();
    CHECK(rig.writer().held() <= 50 + 20);
  }
  rig.finish();
  CHECK(rig.has_everything());
  CHECK(rig.ledger.books().lost() == 0);
}

TEST_CASE("so many rounds of retries with no success between give up, once") {
  FaultyVfs vfs;
  WriterRig rig({.vfs = vfs.name()}, [](Config& config) { config.database.error_limit = 5; });
  vfs.fail_writes(1, FaultyVfs::for_ever);
  rig.send(0, 10);
  rig.step();
  // A round is a flush and its 3 retries.
  while (rig.writer().errors() < 19) rig.advance(10 * millisecond);
  CHECK(rig.gave_up == 0);
  while (rig.writer().errors() < 20) rig.advance(10 * millisecond);
  CHECK(rig.gave_up == 1);
  CHECK(rig.log.back() == "error limit reached: 5 rounds of retries with no success between");
  rig.go_on_for(60 * second);
  CHECK(rig.gave_up == 1);
}

TEST_CASE("a success between failures starts the count again") {
  FaultyVfs vfs;
  WriterRig rig({.sensors = 2, .vfs = vfs.name()}, [](Config& config) { config.database.error_limit = 3; });
  vfs.fail_writes(1, FaultyVfs::for_ever, SQLITE_IOERR_WRITE, "sensor-0");
  rig.send(0, 10);
  // Sensor 1 succeeds more often than the rounds of sensor 0 end.
  for (int round = 0; round < 150; ++round) {
    rig.send(1, 10);
    rig.go_on_for(200 * millisecond);
  }
  CHECK(rig.writer().errors() > 15);
  CHECK(rig.gave_up == 0);
  rig.go_on_for(30 * second);
  CHECK(rig.gave_up == 1);
}

TEST_CASE("what a dead disk keeps from being written at the end is counted as lost") {
  FaultyVfs vfs;
  WriterRig rig({.sensors = 3, .vfs = vfs.name()});
  for (std::uint32_t sensor = 0; sensor < 3; ++sensor) rig.send(sensor, 10);
  rig.step();
  vfs.fail_writes(1, FaultyVfs::for_ever, SQLITE_FULL, "sensor-1");
  for (std::uint32_t sensor = 0; sensor < 3; ++sensor) rig.send(sensor, 15);
  rig.finish();
  CHECK(rig.has_all(0));
  CHECK(rig.has_first(1, 10));
  CHECK(rig.has_all(2));
  CHECK(rig.ledger.books().lost_by_reason[static_cast<std::size_t>(LossReason::storage_failed_at_stop)] ==
        15);
  CHECK(rig.writer().held() == 0);
  CHECK(rig.imbalance().empty());
}

TEST_CASE("a disk that recovers while the writer drains loses nothing") {
  FaultyVfs vfs;
  WriterRig rig({.vfs = vfs.name()});
  vfs.fail_writes(1, 3);
  rig.send(0, 35);
  rig.finish();
  CHECK(vfs.failed() == 3);
  CHECK(rig.has_everything());
  CHECK(rig.ledger.books().lost() == 0);
}

TEST_CASE("the first shard's opening shows whether the directory can be written at all") {
  WriterRig good;
  CHECK(good.writer().open_first().ok());
  CHECK(fs::exists(good.path_of(0)));
  WriterRig bad({}, [](Config& config) { config.database.data_dir += "/is/not/there"; });
  CHECK((bad.writer().open_first().code & 0xFF) == SQLITE_CANTOPEN);
  // Opened once and not again: the shard counts against the open files.
  WriterRig one({.sensors = 2, .open_shards = 1});
  CHECK(one.writer().open_first().ok());
  one.send(1, 10);
  one.step();
  CHECK(open_files(one.folder).size() == 1);
}

TEST_CASE("the null sink counts everything and writes nothing") {
  WriterRig rig({.sensors = 2}, [](Config& config) { config.database.sink = Sink::null; });
  CHECK(rig.writer().open_first().ok());
  rig.send(0, 123);
  rig.send(1, 77);
  rig.send(event_of(AnomalyEvent::Kind::whole, 1));
  rig.step();
  rig.finish();
  CHECK(rig.ledger.books().written == 200);
  CHECK(rig.imbalance().empty());
  CHECK(fs::is_empty(rig.folder.path()));
}

TEST_CASE("a paced writer's lag is the real time from due to commit") {
  WriterRig rig;
  const SteadyTime began = std::chrono::steady_clock::now() - std::chrono::seconds(10);
  const WriterContext context{{rig.roster, rig.config.database, rig.run, {}},
                              rig.plan.place_of,
                              SimulationClock(WriterRig::first_due, began, 1.0),
                              rig.pool,
                              rig.ledger,
                              1'000,
                              10,
                              [](const std::string&) {},
                              [] {}};
  Writer writer(context, rig.plan.paths[0], 4);
  Batch* batch = rig.pool.acquire();
  batch->readings.push_back({WriterRig::first_due, {1, 2, 3}, 0, std::nullopt});
  batch->readings.push_back({WriterRig::first_due + 4'000'000, {1, 2, 3}, 0, std::nullopt});
  writer.queue().push(batch);
  const SteadyTime now = std::chrono::steady_clock::now();
  writer.step(now);
  writer.step(now + std::chrono::seconds(1));
  CHECK(writer.lag().count() == 2);
  CHECK(writer.lag().max() >= 10'000'000);
  CHECK(writer.lag().max() < 70'000'000);
  CHECK(writer.lag().percentile(0.5) >= 6'000'000);
  CHECK(writer.lag().percentile(0.5) <= writer.lag().max() - 3'000'000);
}

// ----------------------------------------------------------------------------------------------------------
// digest

namespace {

// A directory with readings and events of three sensors in one or three files, in order or backwards.
void fill(const TemporaryFolder& folder, bool sharded, bool backwards) {
  const Roster roster = roster_of(3);
  const DatabaseSettings settings;
  RunInfo run;
  run.run_id = sharded ? "sharded" : "single";
  run.seed = 1;
  const ShardContext context{roster, settings, run, {}};
  std::vector<Reading> readings;
  std::vector<AnomalyEvent> events;
  for (std::uint32_t i = 0; i < 300; ++i) {
    const double x = uniform(mix_words(i, 1));
    const auto type = i % 10 == 0 ? std::optional(AnomalyType::noise) : std::nullopt;
    readings.push_back({static_cast<Timestamp>(i) * 1'000, {x, x / 3, -x}, i % 3, type});
    if (i % 10 == 0) {
      events.push_back(
          {i * 1'000, i * 1'000, x, i % 3, 1, AnomalyType::noise, AnomalyEvent::Kind::whole, {}, 0});
    }
  }
  if (backwards) {
    std::reverse(readings.begin(), readings.end());
    std::reverse(events.begin(), events.end());
  }
  for (std::uint32_t sensor = 0; sensor < (sharded ? 3u : 1u); ++sensor) {
    Shard shard(folder / ("shard-" + std::to_string(sensor) + ".db"), context);
    for (const Reading& r : readings) {
      if (!sharded || r.sensor == sensor) shard.stage(r, {});
    }
    for (const AnomalyEvent& e : events) {
      if (!sharded || e.sensor == sensor) shard.stage(e, {});
    }
    REQUIRE(shard.flush().ok());
    shard.close(Shard::Close::for_good);
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
  const DirectoryDigest digest = digest_directory(a.path());
  CHECK(digest.total.readings == 300);
  CHECK(digest.total.events == 30);
  CHECK(digest.text().size() == 32);
  CHECK(digest.text().find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(digest_directory(b.path()).text() == digest.text());
  const DirectoryDigest sharded = digest_directory(c.path());
  CHECK(sharded.text() == digest.text());
  REQUIRE(sharded.shards.size() == 3);
  CHECK(sharded.shards[1].file == "shard-1.db");
  CHECK(sharded.shards[1].readings == 100);
  CHECK(sharded.runs.size() == 1);
  CHECK(sharded.runs[0].starts_with("sharded 1 "));

  run_sql(a / "shard-0.db",
          "UPDATE sensor_readings SET synced = 1 WHERE id % 2; UPDATE sensor_readings SET id = id + 1000");
  std::ofstream(a / "notes.txt") << "not a shard";
  CHECK(digest_directory(a.path()).text() == digest.text());
}

TEST_CASE("a digest notices every kind of change") {
  const std::array<const char*, 16> changes{
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
      // Two rows exchange a value: every column's sum stays the same.
      "UPDATE sensor_readings SET temperature = (SELECT temperature FROM sensor_readings WHERE id = 35 - "
      "sensor_readings.id) WHERE id IN (17, 18)"};
  const TemporaryFolder untouched;
  fill(untouched, false, false);
  const std::string expected = digest_directory(untouched.path()).text();
  std::set<std::string> seen{expected};
  for (const char* change : changes) {
    const TemporaryFolder folder;
    fs::copy_file(untouched / "shard-0.db", folder / "shard-0.db");
    run_sql(folder / "shard-0.db", change);
    CAPTURE(change);
    CHECK(seen.insert(digest_directory(folder.path()).text()).second);
  }
}

TEST_CASE("a digest notices one changed bit of one value") {
  const TemporaryFolder folder;
  fill(folder, false, false);
  const std::string expected = digest_directory(folder.path()).text();
  const double value = rows_of(folder / "shard-0.db").at(16).temperature;
  for (const int bit : {0, 1, 31, 51}) {
    const double changed = std::bit_cast<double>(std::bit_cast<std::uint64_t>(value) ^ 1ull << bit);
    Database database = opened(folder / "shard-0.db");
    Statement update;
    REQUIRE(database.prepare("UPDATE sensor_readings SET temperature = ?1 WHERE id = 17", update).ok());
    update.bind(1, changed);
    REQUIRE(update.run() == SQLITE_OK);
    CHECK(digest_directory(folder.path()).text() != expected);
    update.bind(1, value);
    REQUIRE(update.run() == SQLITE_OK);
    CHECK(digest_directory(folder.path()).text() == expected);
  }
}

TEST_CASE("two duplicates do not cancel out, and an empty directory has a digest") {
  const TemporaryFolder folder;
  const TemporaryFolder empty;
  CHECK(digest_directory(empty.path()).text() == std::string(32, '0'));
  fill(folder, false, false);
  fs::copy_file(folder / "shard-0.db", folder / "copy.db");
  const DirectoryDigest twice = digest_directory(folder.path());
  CHECK(twice.total.readings == 600);
  CHECK(twice.total.readings_hash == 2 * twice.shards[0].readings_hash);
  CHECK(twice.total.readings_hash != 0);
}

TEST_CASE("a file that cannot be read is an error that names it") {
  const TemporaryFolder folder;
  std::ofstream(folder / "letter.db") << std::string(5'000, 'x');
  CHECK_THROWS_WITH_AS(digest_directory(folder.path()),
                       ((folder / "letter.db") + ": cannot be read: file is not a database").c_str(),
                       std::runtime_error);
}
