// Which sensor goes to which file: names that are safe and never shared, and plans that balance the writers.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
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
#include "data/digest.h"
#include "sqlite/shard_key.h"
#include "sqlite/shard_plan.h"
#include "support/faulty_vfs.h"
#include "support/rosters.h"
#include "support/shard_reader.h"
#include "support/target_names.h"
#include "support/temporary_folder.h"
#include "support/writer_rig.h"
#include "tables/schema.h"

namespace fleet_sim::shard_plan_test {

using namespace fleet_sim::test;

namespace {

namespace fs = std::filesystem;

constexpr std::array shard_keys{config::ShardKey::sensor, config::ShardKey::location,
                                config::ShardKey::site,   config::ShardKey::manufacturer,
                                config::ShardKey::model,  config::ShardKey::firmware,
                                config::ShardKey::hash};

std::string name_for(config::ShardKey key, std::string_view text) {
  return sqlite::shard_file_name({key, 4}, text);
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
                                "Ab",
                                "aB",
                                "A b",
                                "a b",
                                "a_b",
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
  // Keys that spell the names of others, without "sensor=" and ".db", as they are and in capitals.
  for (const std::string& other :
       {long_key + "1", std::string("a=b"), std::string("ab"), std::string("A B")}) {
    const std::string name = name_for(config::ShardKey::sensor, other);
    std::string key = name.substr(7, name.size() - 10);
    keys.push_back(key);
    for (char& c : key) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    keys.push_back(key);
  }
  return keys;
}

}  // namespace

TEST_CASE("shard file names are stable") {
  using enum config::ShardKey;
  CHECK(name_for(location, "Factory A - Line 1") == "location=Factory_A_-_Line_1.db");
  CHECK(name_for(site, "Factory A") == "site=Factory_A.db");
  CHECK(name_for(location, "factory a") == "location=factory_a-x57224024c82db773.db");
  CHECK(name_for(location, "FACTORY-A") == "location=FACTORY-A-xupper.db");
  CHECK(name_for(manufacturer, "Vibrationplus") == "manufacturer=Vibrationplus.db");
  CHECK(name_for(manufacturer, "VibrationPlus") == "manufacturer=VibrationPlus-xfc3f2743769df29d.db");
  CHECK(name_for(sensor, "SENSOR_001") == "sensor=SENSOR_001.db");
  CHECK(name_for(sensor, "sensor_001") == "sensor=sensor_001-xlower.db");
  CHECK(name_for(sensor, "Sensor 001") == "sensor=Sensor_001-xtitle.db");
  CHECK(name_for(sensor, "A/B") == "sensor=A_B-xdefceafa9103187b.db");
  CHECK(name_for(sensor, "A B") == "sensor=A_B-xtitle.db");
  CHECK(name_for(sensor, "A+B") == "sensor=A_B-x0a7d3bf740302264.db");
  CHECK(name_for(location, "") == "location=.db");
  CHECK(name_for(location, "..") == "location=...db");
  CHECK(name_for(site, "Köln") == "site=K_ln-x09e986e5d38b2402.db");
  CHECK(name_for(firmware, "1.3") == "firmware=1.3.db");
  CHECK(name_for(hash, "3-of-16") == "hash=3-of-16.db");
  CHECK(name_for(sensor, std::string(300, 'X')) ==
        "sensor=" + std::string(150, 'X') + "-x5dc1889a7c02db99.db");
}

TEST_CASE("the names that earlier versions gave are known") {
  const auto earlier = [](config::ShardKey key, std::string_view text) {
    return sqlite::earlier_shard_file_name({key, 4}, text);
  };
  using enum config::ShardKey;
  CHECK(earlier(location, "Factory A - Line 1") == "location=Factory+A+-+Line+1.db");
  CHECK(earlier(sensor, "SENSOR_001") == "sensor=SENSOR_001.db");
  CHECK(earlier(sensor, "A/B") == "sensor=A%2FB.db");
  CHECK(earlier(sensor, "A%2FB") == "sensor=A%252FB.db");
  CHECK(earlier(location, "") == "location=.db");
  CHECK(earlier(site, "Köln") == "site=K%C3%B6ln.db");
  CHECK(earlier(sensor, std::string(300, 'x')) == "sensor=" + std::string(163, 'x') + "~5041DC62499DBB4A.db");
}

TEST_CASE("no two keys share a file name, in whatever case, and every name is safe") {
  std::set<std::string> names;
  std::size_t keys = 0;
  for (const config::ShardKey kind : shard_keys) {
    for (const std::string& key : nasty_keys()) {
      const std::string name = name_for(kind, key);
      CAPTURE(name);
      ++keys;
      std::string folded = name;
      for (char& c : folded) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      CHECK(names.insert(folded).second);
      CHECK(name.size() <= 255 - std::string(".corrupt-20261123T114200Z-1234-journal").size());
      CHECK_FALSE(name.starts_with('.'));
      CHECK(name.ends_with(".db"));
      CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_=") ==
            std::string::npos);
    }
  }
  CHECK(names.size() == keys);
}

TEST_CASE("a file of an earlier version keeps its name, unless there is nothing in it") {
  const test::TemporaryFolder folder;
  config::Config config;
  config.sharding.key = config::ShardKey::location;
  config.sqlite.data_dir = folder.path().string();
  const std::string usual = (folder.path() / "location=Site_1.db").string();
  const std::string earlier = (folder.path() / "location=Site+1.db").string();
  const identity::Roster roster = roster_of({identity_of("a", "Site 1"), identity_of("b", "Site 1")});
  const auto path = [&] { return sqlite::shard_path(config, roster, roster[0]); };
  CHECK(path() == usual);
  std::ofstream(earlier).close();
  CHECK(path() == usual);
  std::ofstream(earlier) << "rows";
  CHECK(path() == earlier);

  const sqlite::ShardPlan plan =
      sqlite::plan_shards(roster, std::vector<std::uint32_t>{0}, std::vector<double>{1}, config);
  CHECK(names_of(plan.targets[0]) == std::vector<std::string>{earlier});
  sqlite::ShardPlaces places(plan.targets, config);
  fs::remove(earlier);
  const auto proposal = places.propose(roster, std::vector<std::uint32_t>{1});
  CHECK(proposal.places[0].shard == 0);
  CHECK(proposal.new_targets[0].empty());

  std::ofstream(earlier) << "rows";
  std::ofstream(usual) << "rows";
  CHECK(path() == usual);
}

TEST_CASE("random keys never share a file name") {
  std::map<std::string, std::string> key_of;
  constexpr std::string_view letters = "A/ +%2F.\xff";
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    std::string key;
    const std::uint64_t length = uniform_below(mix_words(i, 1), 8);
    for (std::uint64_t c = 0; c < length; ++c)
      key += letters[uniform_below(mix_words(i, c + 2), letters.size())];
    const auto [entry, is_new] = key_of.try_emplace(name_for(config::ShardKey::sensor, key), key);
    CHECK(entry->second == key);
  }
}

TEST_CASE("the shard key is what sensors of a shard have in common") {
  identity::IdentityRecord record = identity_of("s-1", "Factory A - Line 1 - Cell 2");
  record.manufacturer = "DataSense";
  record.model = "TempVibe-3000";
  record.firmware_version = "1.3.0";
  const identity::Roster roster = roster_of({record, identity_of("s-2", "Yard")});
  const auto key = [&](config::ShardKey kind, std::size_t sensor = 0) {
    return sqlite::shard_key({kind, 16}, roster, roster[sensor]);
  };
  CHECK(key(config::ShardKey::none).empty());
  CHECK(key(config::ShardKey::sensor) == "s-1");
  CHECK(key(config::ShardKey::location) == "Factory A - Line 1 - Cell 2");
  CHECK(key(config::ShardKey::site) == "Factory A");
  CHECK(key(config::ShardKey::site, 1) == "Yard");
  CHECK(key(config::ShardKey::manufacturer) == "DataSense");
  CHECK(key(config::ShardKey::model) == "TempVibe-3000");
  CHECK(key(config::ShardKey::firmware) == "1.3");
  for (std::size_t sensor : {0u, 1u}) CHECK(key(config::ShardKey::hash, sensor).ends_with("-of-16"));
  for (const config::ShardKey kind : shard_keys)
    CHECK(name_for(kind, "").starts_with(std::string(sqlite::name_of(kind)) + "="));
}

TEST_CASE("hash slots are stable, spread evenly, and of one width") {
  const identity::Roster roster = roster_of(16'000);
  std::map<std::string, double> sizes;
  for (std::size_t i = 0; i < roster.size(); ++i)
    sizes[sqlite::shard_key({config::ShardKey::hash, 16}, roster, roster[i])] += 1;
  CHECK(sizes.size() == 16);
  CHECK(sizes.begin()->first == "00-of-16");
  CHECK(sizes.rbegin()->first == "15-of-16");
  // Within 5 standard errors of a binomial with p = 1/16.
  for (const auto& [slot, size] : sizes)
    CHECK(std::abs(size - 1'000) < 5 * std::sqrt(16'000.0 / 16 * 15 / 16));
  CHECK(sqlite::shard_key({config::ShardKey::hash, 16}, roster, roster[0]) == "09-of-16");
  CHECK(sqlite::shard_key({config::ShardKey::hash, 1}, roster, roster[0]) == "0-of-1");
}

namespace {

struct Load {
  double heaviest = 0;
  double sum = 0;
};

Load load_of(const sqlite::ShardPlan& plan, const std::vector<double>& rates, std::size_t writers) {
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

config::Config sharded_by_sensor(std::uint32_t writers) {
  config::Config config;
  config.sharding.key = config::ShardKey::sensor;
  config.sqlite.data_dir = "data";
  config.write.writers = writers;
  return config;
}

}  // namespace

// Graham 1969: dealing out the heaviest first is never worse than 4/3 - 1/(3m) of the best.
TEST_CASE("writers get about the same number of rows: at most 4/3 of the best there is") {
  const identity::Roster roster = roster_of(8);
  for (std::uint64_t round = 0; round < 60; ++round) {
    const std::uint32_t writers = round % 2 == 0 ? 2 : 3;
    std::vector<double> rates;
    for (std::uint64_t i = 0; i < 8; ++i) rates.push_back(std::pow(10, uniform(mix_words(round, i), -1, 2)));
    const sqlite::ShardPlan plan =
        sqlite::plan_shards(roster, all_of(roster), rates, sharded_by_sensor(writers));
    const double limit = (4.0 / 3 - 1.0 / (3 * writers)) * optimum(rates, writers);
    CHECK(load_of(plan, rates, writers).heaviest <= limit * (1 + 1e-12));
  }
}

TEST_CASE("many equal shards are dealt out evenly, and a plan is consistent") {
  const identity::Roster roster = roster_of(1'000);
  const std::vector<double> rates(1'000, 2.0);
  const sqlite::ShardPlan plan = sqlite::plan_shards(roster, all_of(roster), rates, sharded_by_sensor(8));
  CHECK(plan.shard_count == 1'000);
  CHECK(load_of(plan, rates, 8).heaviest == 250);
  std::set<std::string> paths;
  for (const auto& of_writer : plan.targets) {
    for (const write::Target& target : of_writer) paths.insert(target.name);
  }
  CHECK(paths.size() == 1'000);
  for (std::uint32_t i = 0; i < 1'000; ++i) {
    const auto [writer, shard] = plan.place_of[i];
    CHECK(writer == plan.writer_of[i]);
    CHECK(plan.targets[writer][shard].name == "data/sensor=sensor-" + std::to_string(i) + "-xlower.db");
  }
}

TEST_CASE("the plan does not depend on the order of the identity files") {
  std::vector<identity::IdentityRecord> records;
  for (int i = 0; i < 300; ++i) {
    records.push_back(identity_of("sensor-" + std::to_string(i), "Site " + std::to_string(i % 37)));
  }
  config::Config config = sharded_by_sensor(5);
  config.sharding.key = config::ShardKey::location;
  const auto places = [&](const std::vector<identity::IdentityRecord>& order) {
    const identity::Roster roster = roster_of(order);
    const sqlite::ShardPlan plan =
        sqlite::plan_shards(roster, all_of(roster), std::vector<double>(300, 0.1), config);
    std::map<std::string, std::pair<std::uint32_t, std::string>> of_sensor;
    for (std::uint32_t i = 0; i < roster.size(); ++i) {
      const auto [writer, shard] = plan.place_of[i];
      of_sensor[std::string(roster[i].id)] = {writer, plan.targets[writer][shard].name};
    }
    return of_sensor;
  };
  const auto expected = places(records);
  CHECK(expected.at("sensor-38").second == "data/location=Site_1.db");
  for (std::uint64_t round = 0; round < 10; ++round) {
    std::sort(records.begin(), records.end(),
              [round](const identity::IdentityRecord& a, const identity::IdentityRecord& b) {
                return mix_words(hash_text(a.id), round) < mix_words(hash_text(b.id), round);
              });
    CHECK(places(records) == expected);
  }
}

TEST_CASE("unsharded, all sensors go to the file the config names") {
  const identity::Roster roster = roster_of(3);
  config::Config config;
  config.sqlite.path = "some/where/my.db";
  config.write.writers = 4;
  const sqlite::ShardPlan plan =
      sqlite::plan_shards(roster, all_of(roster), std::vector<double>(3, 1), config);
  CHECK(plan.shard_count == 1);
  CHECK(plan.targets.size() == 4);
  CHECK(names_of(plan.targets[plan.writer_of[0]]) == std::vector<std::string>{"some/where/my.db"});
  config.sqlite.data_dir = "else";
  CHECK(sqlite::plan_shards(roster, all_of(roster), std::vector<double>(3, 1), config).targets[0][0].name ==
        "else/my.db");
}

TEST_CASE("only members have a say in the plan") {
  const identity::Roster roster = roster_of(10);
  const std::vector<std::uint32_t> members{2, 7};
  const sqlite::ShardPlan plan =
      sqlite::plan_shards(roster, members, std::vector<double>{1, 1}, sharded_by_sensor(1));
  CHECK(names_of(plan.targets[0]) ==
        std::vector<std::string>{"data/sensor=sensor-2-xlower.db", "data/sensor=sensor-7-xlower.db"});
  CHECK(plan.place_of[7].shard == 1);
}

}  // namespace fleet_sim::shard_plan_test
