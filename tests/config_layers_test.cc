// What a config is put together from: several files one over the other, and within one file YAML's merge keys
// and the author's own blocks.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "config/config_changes.h"
#include "config/load_config.h"
#include "support/temporary_folder.h"

namespace fleet_sim::config_layers_test {

using namespace std::string_literals;
namespace fs = std::filesystem;

namespace {

// Files a.yaml, b.yaml and so on.
struct Layers {
  explicit Layers(const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      files.push_back(folder.path() / (std::string(1, static_cast<char>('a' + files.size())) + ".yaml"));
      std::ofstream(files.back(), std::ios::binary) << text;
    }
    Problems found;
    config = config::load_config(files, {}, {}, found, {}, &origins);
    problems = found.text();
    const std::string prefix = folder.path().string() + "/";
    for (auto at = problems.find(prefix); at != std::string::npos; at = problems.find(prefix))
      problems.erase(at, prefix.size());
  }

  [[nodiscard]] std::string place_of(std::string_view key) const {
    const auto origin = origins.find(key);
    return origin == origins.end() ? "" : fs::path(origin->second.place).filename().string();
  }

  test::TemporaryFolder folder;
  std::vector<fs::path> files;
  config::Config config;
  config::Origins origins;
  std::string problems;
};

}  // namespace

TEST_CASE("a later type keeps to what behaviors of an earlier file can do to it") {
  const std::string behaviors = "behaviors: {firmware: {'9': {shift: {flow: -5}}}}\n";
  const std::string linear = "types: {pump: {channels: {flow: {base: 1}}}}\n";
  const std::string logarithmic = "types:\n  pump: {channels: {flow: {base: 1, scale: log}}}\n";
  CHECK(Layers({linear + behaviors, logarithmic}).problems ==
        "b.yaml:2: types.pump.channels.flow must not have scale: log, because "
        "behaviors.firmware.\"9\".shift.flow "
        "of an earlier config is -5, and no factor above 0");
  CHECK(Layers({linear + behaviors, linear}).problems == "");
}

TEST_CASE("a later file overrides the keys it names, and a list as a whole") {
  const Layers layers(
      {"simulation: {readings_per_second: 2, run_time_seconds: 60}\n"
       "fleet: {identities: [one, two], threads: 3}\n"
       "behaviors: {firmware: {'1.4': {severity: 3, daily: 2}}}\n",
       "simulation:\n  readings_per_second: 5\nfleet: {identities: [three]}\n"
       "behaviors: {firmware: {1.4.0: {severity: 4}}}\n",
       "simulation:\n  run_time_seconds:\n"});
  CHECK(layers.problems == "");
  CHECK(layers.config.simulation.rate == 5);
  CHECK(layers.config.simulation.run_time_seconds == 60);  // a key without a value keeps what there was
  CHECK(layers.config.fleet.identities == std::vector<std::string>{"three"});
  CHECK(layers.config.fleet.threads == 3);
  CHECK(layers.config.behaviors.firmware.at("1.4").severity == 4);
  CHECK(layers.config.behaviors.firmware.at("1.4").daily == 2);
  CHECK(layers.place_of("simulation.readings_per_second") == "b.yaml:2");
  CHECK(layers.place_of("simulation.run_time_seconds") == "a.yaml:1");
  CHECK(layers.place_of("anomalies.probability") == "");
}

TEST_CASE("a file that names one sensor replaces a list of an earlier one") {
  const Layers layers({"fleet: {identities: [one, two]}\n", "fleet: {identity: three.json}\n"});
  CHECK(layers.problems == "");
  CHECK(layers.config.fleet.identities.empty());
  CHECK(layers.config.fleet.identity == "three.json");
}

TEST_CASE("a type that a later file declares takes the place of one with its name, whole") {
  const std::string oven =
      "types: {oven: {sources: {on: {kind: load, duty: 0.5}}, channels: {heat: {base: 90, terms: {on: "
      "9}}}}}\n";
  const Layers layers({oven, "types: {hall: {channels: {light: {base: 300}}}}\n",
                       "types: {oven: {channels: {door: {base: 1}}}}\n"});
  CHECK(layers.problems == "");
  REQUIRE(layers.config.types.size() == 2);
  CHECK(layers.config.types.at("hall").columns[0].name == "light");
  const types::DeclaredType& last = layers.config.types.at("oven");
  CHECK(last.signal.sources.empty());
  REQUIRE(last.columns.size() == 1);
  CHECK(last.columns[0].name == "door");
  CHECK(Layers({oven, "types:\n"}).config.types.size() == 1);
  CHECK(Layers({oven, "type: {oven: {}}\n"}).problems ==
        "b.yaml:1: unknown key 'type' (did you mean 'types'?)");
}

TEST_CASE("a config with types reads back from its text, and they decide what is read") {
  const std::string hall = "types: {hall: {channels: {light: {unit: lx, base: 300, white: 2}}}}\n";
  const Layers layers({hall});
  const Layers again({config::config_text(layers.config)});
  CHECK(again.problems == "");
  CHECK(again.config == layers.config);
  CHECK(again.config != config::Config());
  const Layers brighter({hall, "types: {hall: {channels: {light: {unit: lx, base: 301, white: 2}}}}\n"});
  CHECK(config::readings_config_text(brighter.config) != config::readings_config_text(layers.config));
}

TEST_CASE("problems name the file that they are in, and both files of a contradiction") {
  CHECK(Layers({"simulation: {seed: 1}\n", "\nsimulation: {sed: 1}\n"}).problems ==
        "b.yaml:2: unknown key 'simulation.sed' (did you mean 'seed'?)");
  CHECK(Layers({"clock: {start: 2026-01-31}\n", "\nclock: {backfill_seconds: 1d}\n"}).problems ==
        "b.yaml:2: clock.backfill_seconds '1d' and clock.start '2026-01-31' (a.yaml:1) cannot be combined; "
        "give one of them");
  CHECK(Layers({"normal_parameters: {voltage: {min: 9.0}}\n", "normal_parameters: {voltage: {max: 8}}\n"})
            .problems == "a.yaml:1: normal_parameters.voltage.min 9.0 must not be above max 8");
  CHECK(Layers({"simulation: {seed: 1}\n", "\xFF\xFEs\0"s}).problems.starts_with("b.yaml: is UTF-16"));
}

TEST_CASE("the effective whole of several files reads back from one text") {
  const Layers layers(
      {"anomalies: {probability: 0.2}\n", "anomalies: {basis: event}\nlogging: {quiet: true}\n"});
  Problems problems;
  CHECK(config::read_config(config::config_text(layers.config), "recorded", problems) == layers.config);
}

TEST_CASE("a map that merges others has their keys, its own first") {
  const Layers layers(
      {"x-common:\n"
       "  calm: &calm {mean: 1, std_dev: 2}\n"
       "  wild: &wild {std_dev: 3, min: -4}\n"
       "normal_parameters:\n"
       "  temperature: {<<: *calm, mean: 57}\n"
       "  vibration: {<<: [*calm, *wild]}\n"
       "  voltage: &all\n"
       "    <<: [{max: 99}, *wild]\n"
       "    mean: 5\n"
       "anomalies: {types: {spike: {<<: {weight: 2}, enabled: false}}}\n"});
  CHECK(layers.problems == "");
  const auto& normal = layers.config.normal_parameters;
  CHECK(normal[0].mean == 57);
  CHECK(normal[0].std_dev == 2);
  CHECK(normal[1].mean == 1);
  CHECK(normal[1].std_dev == 2);  // the first of the list
  CHECK(normal[1].min == -4);
  CHECK(normal[2].mean == 5);
  CHECK(normal[2].std_dev == 3);
  CHECK(normal[2].max == 99);
  CHECK(layers.config.anomalies.types[0].weight == 2);
  CHECK(!layers.config.anomalies.types[0].enabled);
}

TEST_CASE("merges may be merged again, whole sections too") {
  const Layers layers(
      {"x-a: &a {level: ERROR, quiet: true}\n"
       "x-b: &b\n  <<: *a\n  kept_files: 7\n"
       "logging:\n  <<: *b\n  level: DEBUG\n"
       "<<: {simulation: {seed: 3}}\n"});
  CHECK(layers.problems == "");
  CHECK(layers.config.logging.level == "DEBUG");
  CHECK(layers.config.logging.quiet);
  CHECK(layers.config.logging.kept_files == 7);
  CHECK(layers.config.simulation.seed == 3);
}

TEST_CASE("only top-level keys are the author's own") {
  CHECK(Layers({"x-anything: [1, {y: 2}]\nx-: ~\n"}).problems == "");
  CHECK(Layers({"simulation: {x-seed: 1}\n"}).problems ==
        "a.yaml:1: unknown key 'simulation.x-seed' (did you mean 'seed'?)");
}

TEST_CASE("merges that double at every level end at the bound of values") {
  std::string text = "x-0: &a0 {k: 1}\n";
  for (int i = 1; i < 40; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    text += "x-" + std::to_string(i) + ": &a" + std::to_string(i) + " {<<: " + before + ", m" +
            std::to_string(i) + ": " + before + "}\n";
  }
  CHECK(Layers({text}).problems.find("has more than 100000 values") != std::string::npos);
}

TEST_CASE("a tilde in a path is the home folder, for every key that is a path") {
  const char* before = std::getenv("HOME");
  const std::string kept = before == nullptr ? "" : before;
  ::setenv("HOME", "/home/ada", 1);
  const Layers layers(
      {"fleet: {identities: [~/a, b]}\ndatabase: {data_dir: ~/data, path: ~/x.db}\nlogging: {file: "
       "~/log/x}\n"});
  const Layers single({"fleet: {identity: ~/one.json}\n"});
  const Layers refused({"database: {data_dir: ~bob/data}\n"});
  before == nullptr ? ::unsetenv("HOME") : ::setenv("HOME", kept.c_str(), 1);
  CHECK(layers.problems == "");
  CHECK(layers.config.fleet.identities == std::vector<std::string>{"/home/ada/a", "b"});
  CHECK(layers.config.sqlite.data_dir == "/home/ada/data");
  CHECK(layers.config.sqlite.path == "/home/ada/x.db");
  CHECK(layers.config.logging.file == "/home/ada/log/x");
  CHECK(single.config.fleet.identity == "/home/ada/one.json");
  CHECK(refused.problems.starts_with("a.yaml:1: database.data_dir '~bob/data' begins with another user's"));
}

TEST_CASE("a config in another encoding is told which, and how to convert it") {
  CHECK(Layers({"s\0i\0m\0"s}).problems ==
        "a.yaml: is UTF-16LE without a byte order mark, not UTF-8: convert it with `iconv -f UTF-16LE -t "
        "UTF-8`");
  CHECK(Layers({"logging:\n  file: protok\xF3ll\n"}).problems ==
        "a.yaml:2: is not UTF-8: the byte 0xF3 is '\u00f3' in Latin-1 and Windows-1252: save the file as "
        "UTF-8, "
        "or convert it with `iconv -f WINDOWS-1252 -t UTF-8` if that is its encoding");
  CHECK(Layers({"\x1F\x8B\x08\0\0\0"s}).problems ==
        "a.yaml: is compressed with gzip: unpack it with `gunzip`");
  CHECK(Layers({"\xEF\xBB\xBFsimulation: {seed: 1}\n"}).problems == "");
}

}  // namespace fleet_sim::config_layers_test
