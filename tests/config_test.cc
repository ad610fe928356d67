#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "base/plain_text.h"
#include "config/config_changes.h"
#include "config/config_keys.h"
#include "config/load_config.h"
#include "support/temporary_folder.h"
#include "zones/zone_data.h"

namespace fleet_sim::config_test {

namespace fs = std::filesystem;

namespace {

const fs::path source_dir = FLEET_SIM_SOURCE_DIR;

struct Folder : test::TemporaryFolder {
  [[nodiscard]] fs::path file(const std::string& content) const {
    std::ofstream(path() / "config.yaml", std::ios::binary) << content;
    return path() / "config.yaml";
  }
};

struct Loaded {
  config::Config config;
  std::string problems;
};

Loaded load(const std::optional<fs::path>& file, const std::vector<config::Setting>& environment = {},
            const std::vector<config::Setting>& flags = {}) {
  Problems problems;
  const std::vector<fs::path> files(file ? 1 : 0, file.value_or(""));
  config::Config config = config::load_config(files, environment, flags, problems);
  return {std::move(config), problems.text()};
}

Loaded load_text(const std::string& content) {
  return load(Folder().file(content));
}

Loaded load_flag(const std::string& key, const std::string& value) {
  const config::ConfigKey* found = config::find_config_key(key);
  REQUIRE(found != nullptr);
  return load({}, {}, {{key, value, std::string(found->flag)}});
}

std::string content_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  REQUIRE(in.good());
  return {std::istreambuf_iterator<char>(in), {}};
}

// The lines "# expect 3: text" of a bad file, as the problems they announce.
std::string expected_problems(const fs::path& path) {
  std::istringstream lines(content_of(path));
  const std::string mark = "# expect ";
  std::string expected;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(mark)) continue;
    expected += (expected.empty() ? "" : "\n") + path.string() + ":" + line.substr(mark.size());
  }
  return expected;
}

double seconds_to_refuse(const fs::path& path, const std::string& reason) {
  const auto begin = std::chrono::steady_clock::now();
  CHECK(load(path).problems == path.string() + reason);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Every key a YAML file names by indentation, those in comments like "# seed: 42" too.
std::multiset<std::string> keys_named_in(const fs::path& path) {
  std::istringstream lines(content_of(path));
  std::multiset<std::string> names;
  std::vector<std::string> sections;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t depth = std::min(line.find_first_not_of(' '), line.size()) / 2;
    std::string_view rest = std::string_view(line).substr(2 * depth);
    if (rest.starts_with("# ")) rest.remove_prefix(2);
    const std::string_view name = rest.substr(0, rest.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"));
    if (name.empty() || !rest.substr(name.size()).starts_with(':') || depth > sections.size()) continue;
    sections.resize(depth);
    sections.push_back((depth == 0 ? "" : sections.back() + ".") + std::string(name));
    names.insert(sections.back());
  }
  return names;
}

// Every key but fleet.identity, which excludes fleet.identities, and every effect.
const std::string heavily_changed = R"(
simulation: {readings_per_second: 0.1, run_time_seconds: 1.5h, seed: 9223372036854775807, resume: yes,
             overload: skip, phase: aligned}
normal_parameters:
  temperature: {mean: -3.3, std_dev: 1e-7, min: -1e9, max: 0.30000000000000004}
  vibration: {mean: 4.5, std_dev: 0.25, min: 0, max: 1e9}
  voltage: {mean: 230, std_dev: 5, min: 220, max: 240}
anomalies:
  enabled: on
  probability: 0.123456789012345678
  basis: EVENT
  pattern_period_seconds: 1.5m
  types:
    spike: {enabled: no, weight: 0.5, duration_seconds: 2.5}
    trend: {enabled: no, weight: 0.6, duration_seconds: one_reading}
    pattern: {enabled: no, weight: 0.7, duration_seconds: 1.1}
    missing_data: {enabled: no, weight: 0.8, duration_seconds: 0.001}
    noise: {weight: 1e-9, duration_seconds: 2d}
behaviors:
  firmware:
    1.3.0: {probability: 0.1, channels: {voltage: 3}}
    "1.30": {severity: 7, noise_factor: 0.02, spike_factor: {max: 9.5}}
  model:
    'He said "\o/": {yes}': {weights: {noise: 0}, noise: {voltage: 2}}
  manufacturer:
    "null": {daily: 0.3}
  location:
    "": {work_hours_rise: -2, spread: {temperature: 1.1}}
fleet: {identities: ["a: b", 'c"\d', "- x", "null", größe], partition: 3/4, threads: 7, skip_invalid: on}
sharding: {by: hash:12}
clock: {speed: 1000.5, start: "2026-01-31 12:30:05.25+02:00", utc_offset: -05:30}
database:
  path: "a b/#c.db"
  data_dir: "null"
  writers: 64
  batch_size: 11
  flush_interval_ms: 12
  pending_rows: 13
  synchronous: off
  page_size: 512
  cache_kib: 17
  checkpoint_pages: 18
  busy_timeout_ms: 0
  max_open_shards: 19
  unsynced_index: False
  layout: compact
  error_limit: 20
  memory_fallback: false
  retention: {age_seconds: 30d, shard_bytes: 5000000000, only_synced: no}
logging: {level: warn, file: "", file_bytes: 1000, kept_files: 0, format: json, summary_interval_seconds: 1.5m, console_output: NO, quiet: yes}
config_reload: {enabled: off, check_interval_seconds: 0.5}
monitoring: {enabled: no, address: "[::1]:0", token: 0123456789abcdef}
)";

}  // namespace

TEST_CASE("the defaults are the documented ones") {
  const Loaded loaded = load({});
  CHECK(loaded.problems == "");
  const config::Config& config = loaded.config;
  CHECK(config.simulation.rate == 1);
  CHECK(config.simulation.run_time_seconds == 3600);
  CHECK_FALSE(config.simulation.seed);
  CHECK(config.normal_parameters[0] == types::ChannelParameters{65, 2, 50, 80});
  CHECK(config.normal_parameters[1] == types::ChannelParameters{2.5, 0.5, 0.1, 10});
  CHECK(config.normal_parameters[2] == types::ChannelParameters{12, 0.1, 11.5, 12.5});
  CHECK(config.anomalies.enabled);
  CHECK(config.anomalies.probability == 0.05);
  const auto type = [&](AnomalyType one) { return config.anomalies.types[index_of(one)]; };
  using Settings = config::AnomalyTypeSettings;
  CHECK(type(AnomalyType::spike) == Settings{true, 0.4, std::nullopt, {3, 6}});
  CHECK(type(AnomalyType::trend) == Settings{true, 0.2, 300, {2, 4}});
  CHECK(type(AnomalyType::pattern) == Settings{true, 0.1, 600, {1, 3}});
  CHECK(type(AnomalyType::missing_data) == Settings{true, 0.1, 30});
  CHECK(type(AnomalyType::noise) == Settings{true, 0.2, 180, {1.2, 3}});
  CHECK(config.sqlite.path == "data/sensor_data.db");
  CHECK(config.data_directory() == "data");
  CHECK(config.sharding.key == config::ShardKey::none);
  CHECK(config.logging.level == "INFO");
  CHECK(config.logging.console_output);
  CHECK(config.config_reload.enabled);
  CHECK(config.config_reload.check_interval_seconds == 60);
}

TEST_CASE("the shipped files load and equal the defaults") {
  const config::Config defaults = load({}).config;
  for (const char* name : {"example.yaml", "reference.yaml"}) {
    CAPTURE(name);
    const Loaded loaded = load(source_dir / "configs" / name);
    CHECK(loaded.problems == "");
    CHECK(loaded.config == defaults);
  }
}

TEST_CASE("the reference names every key once") {
  const std::multiset<std::string> named = keys_named_in(source_dir / "configs/reference.yaml");
  for (const config::ConfigKey& key : config::config_keys()) {
    CAPTURE(key.name);
    CHECK(named.count(std::string(key.name)) == 1);
  }
}

TEST_CASE("default behaviors have the documented numbers") {
  const auto weights = [](const std::map<AnomalyType, double>& but) {
    PerAnomalyType<double> factors = every_anomaly_type(1.0);
    for (const auto& [type, factor] : but) factors[index_of(type)] = factor;
    return factors;
  };
  const config::Behaviors known = config::default_behaviors();
  REQUIRE(known.firmware.size() == 2);
  REQUIRE(known.model.size() == 3);
  REQUIRE(known.manufacturer.size() == 3);
  REQUIRE(known.location.size() == 3);

  const config::Behavior& old = known.firmware.at("1.3");
  CHECK(old.probability == 1.5);
  CHECK(old.channels == (types::ChannelFactors{{"temperature", 0.6}, {"vibration", 0.2}, {"voltage", 0.2}}));
  CHECK((old.spike_factor->min == 1.8 && old.spike_factor->max == 3.5));
  CHECK(old.noise_factor == 0.15);
  CHECK(old.spread == types::ChannelFactors{{"voltage", 1.5}});
  CHECK(old.weights == weights({}));

  const config::Behavior& improved = known.firmware.at("1.4");
  CHECK(improved.probability == 0.7);
  CHECK(improved.channels == types::ChannelFactors());
  CHECK((improved.spike_factor->min == 1.5 && improved.spike_factor->max == 3.0));
  CHECK(improved.noise_factor == 0.10);
  CHECK(improved.spread == types::ChannelFactors{{"voltage", 0.7}});
  CHECK(improved.weights == weights({{AnomalyType::spike, 0.7}, {AnomalyType::noise, 0.8}}));

  CHECK(known.model.at("TempVibe-1000").weights == weights({{AnomalyType::missing_data, 2}}));
  CHECK(known.model.at("TempVibe-2000").weights == weights({{AnomalyType::pattern, 1.5}}));
  CHECK(known.model.at("TempVibe-3000").weights == weights({{AnomalyType::spike, 1.5}}));

  CHECK(known.manufacturer.at("SensorTech").probability == 1);
  CHECK(known.manufacturer.at("DataSense").probability == 0.8);
  CHECK(known.manufacturer.at("DataSense").severity == 1.25);
  CHECK(known.manufacturer.at("VibrationPlus").probability == 1.2);
  CHECK(known.manufacturer.at("VibrationPlus").noise == types::ChannelFactors{{"vibration", 1.5}});

  CHECK(known.location.at("Factory").work_hours_rise == 1);
  CHECK(known.location.at("Warehouse").spread ==
        (types::ChannelFactors{{"temperature", 0.5}, {"vibration", 1.5}}));
  CHECK(known.location.at("Outdoor").daily == 3);
}

TEST_CASE("a flag wins over the environment, the environment over the file, the file over the default") {
  const Folder folder;
  const fs::path file =
      folder.file("simulation: {readings_per_second: 2, run_time_seconds: 20, seed: 200}\n");
  const std::vector<config::Setting> environment{
      {"simulation.run_time_seconds", "30", "FLEET_SIM_SIMULATION_RUN_TIME_SECONDS"},
      {"simulation.seed", "300", "FLEET_SIM_SIMULATION_SEED"}};
  const std::vector<config::Setting> flags{{"simulation.seed", "400", "--seed"}};
  const Loaded loaded = load(file, environment, flags);
  CHECK(loaded.problems == "");
  CHECK(loaded.config.fleet.threads == 0);
  CHECK(loaded.config.simulation.rate == 2);
  CHECK(loaded.config.simulation.run_time_seconds == 30);
  CHECK(loaded.config.simulation.seed == 400u);
}

TEST_CASE("a rate has two spellings: the later layer counts, and one layer may have only one") {
  const Folder folder;
  const auto setting = [](const char* key, const char* value, const char* source) {
    return std::vector<config::Setting>{{key, value, source}};
  };
  const auto rate = setting("simulation.readings_per_second", "2", "--rate");
  const auto interval = setting("simulation.interval", "1h30m", "--interval");
  const Rate minute = Rate::every(60 * microseconds_per_second);

  const fs::path minutely = folder.file("simulation: {interval: 60s}\n");
  CHECK(load(minutely).config.simulation.rate == minute);
  CHECK(load(minutely, {}, rate).config.simulation.rate == 2);
  CHECK(load(minutely, interval, rate).config.simulation.rate == 2);
  CHECK(load(minutely, rate, interval).config.simulation.rate ==
        Rate::every(5'400 * microseconds_per_second));

  std::vector<config::Setting> flags = rate;
  flags.push_back(interval[0]);
  CHECK(
      load(minutely, {}, flags).problems ==
      "--rate: simulation.readings_per_second and simulation.interval (--interval) cannot be combined; give "
      "one of them");

  const fs::path both = folder.file("simulation:\n  interval: 60s\n  readings_per_second: 1\n");
  CHECK(load(both).problems == both.string() +
                                   ":2: simulation.interval and simulation.readings_per_second (" +
                                   both.string() + ":3) cannot be combined; give one of them");
  CHECK(load(folder.file("simulation: {interval: , readings_per_second: 3}\n")).problems == "");
}

TEST_CASE("a zone is an offset or a name, in one layer or another") {
  const Folder folder;
  const fs::path berlin = folder.file("clock: {time_zone: Europe/Berlin}\n");
  const Loaded loaded = load(berlin);
  CHECK(loaded.problems == "");
  CHECK(loaded.config.clock.zone == zones::find_zone("Europe/Berlin"));
  const std::string text = config::config_text(loaded.config);
  CHECK(text.find("time_zone: Europe/Berlin\n") != text.npos);
  CHECK(text.find("utc_offset") == text.npos);
  Problems problems;
  CHECK(config::read_config(text, "text", problems) == loaded.config);
  CHECK(problems.text() == "");

  const std::vector<config::Setting> offset{{"clock.utc_offset", "+02:00", "FLEET_SIM_CLOCK_UTC_OFFSET"}};
  CHECK(load(berlin, offset).problems == berlin.string() +
                                             ":1: clock.time_zone and clock.utc_offset '+02:00' "
                                             "(FLEET_SIM_CLOCK_UTC_OFFSET) cannot be combined; "
                                             "give one of them");
  const fs::path both = folder.file("clock:\n  utc_offset: UTC\n  time_zone: Asia/Tokyo\n");
  CHECK(load(both).problems == both.string() + ":3: clock.time_zone 'Asia/Tokyo' and clock.utc_offset (" +
                                   both.string() + ":2) cannot be combined; give one of them");
}

TEST_CASE("an interval is recorded as one, and compared with a rate it is another value") {
  config::Config config;
  config.simulation.rate = Rate::every(59'880'240);
  config.simulation.phase = Phase::aligned;
  const std::string text = config::config_text(config);
  CHECK(text.find("interval: 59.88024s\n") != text.npos);
  CHECK(text.find("readings_per_second") == text.npos);
  Problems problems;
  CHECK(config::read_config(text, "text", problems) == config);
  CHECK(problems.text() == "");

  std::vector<std::string> changes;
  for (const config::ConfigChange& change : config::config_changes(config::Config(), config)) {
    CHECK(change.at_once);
    changes.push_back(config::change_text(change));
  }
  CHECK(changes == std::vector<std::string>{"simulation.readings_per_second 1 -> none",
                                            "simulation.interval none -> 59.88024s",
                                            "simulation.phase staggered -> aligned"});
  CHECK(config::adopt(config::Config(), config) == config);
}

TEST_CASE("every bad file gives its messages, each with the line") {
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(source_dir / "tests/bad_configs")) {
    CAPTURE(entry.path().filename().string());
    const std::string expected = expected_problems(entry.path());
    CHECK(expected != "");
    CHECK(load(entry.path()).problems == expected);
    ++files;
  }
  CHECK(files >= 40);
}

TEST_CASE("hostile files are refused at once") {
  const Folder folder;
  const double quick = 5;  // seconds, with room for sanitizers on a busy machine; 10 GB take longer to read

  std::ofstream(folder / "sparse.yaml") << "simulation:\n";
  fs::resize_file(folder / "sparse.yaml", 10'000'000'000);
  CHECK(seconds_to_refuse(folder / "sparse.yaml", ": is larger than the 1048576 bytes allowed") < quick);

  REQUIRE(::mkfifo((folder / "pipe.yaml").c_str(), 0600) == 0);
  CHECK(seconds_to_refuse(folder / "pipe.yaml", ": is not a regular file") < quick);
  CHECK(seconds_to_refuse("/dev/zero", ": is not a regular file") < quick);
  CHECK(seconds_to_refuse(folder / ".", ": is a folder, not a file") < quick);
  CHECK(seconds_to_refuse(folder / "missing.yaml", ": does not exist") < quick);

  const auto repeated = [&](const std::string& piece) {
    std::string text;
    while (text.size() + piece.size() <= config::largest_config_file_bytes) text += piece;
    return folder.file(text);
  };
  for (const char* nested : {"[", "{a: ", "- ", "? "}) {
    CAPTURE(nested);
    CHECK(seconds_to_refuse(repeated(nested), ":1: is nested more than 32 levels deep") < quick);
  }
  // Each would be compared with all others, to say which was meant.
  std::string sources;
  for (int i = 0; i < 12'000; ++i) sources += "s" + std::to_string(i) + ": {kind: lag, of: x, tau: 1h}, ";
  CHECK(seconds_to_refuse(folder.file("types: {a: {sources: {" + sources + "}, channels: {c: {base: 1}}}}\n"),
                          ":1: types.a.sources must be at most 32, not 12000") < quick);
  CHECK(seconds_to_refuse(repeated("-\n"),
                          ":100001: has more than 100000 values (an alias counts each time it is used)") <
        quick);
}

TEST_CASE("an empty file, empty sections and keys without a value keep the defaults") {
  const config::Config defaults = load({}).config;
  for (const char* text :
       {"", "# nothing\n", "---\n", "simulation:\nlogging: {}\nanomalies: ~\n",
        "simulation:\n  seed:\n  readings_per_second: null\ndatabase: {sink: , path: ~}\n",
        "behaviors:\n  firmware:\n    '1.3':\n      channels:\n", "\xEF\xBB\xBFsimulation: {}\r\n"}) {
    CAPTURE(text);
    const Loaded loaded = load_text(text);
    CHECK(loaded.problems == "");
    CHECK(loaded.config == defaults);
  }
}

TEST_CASE("null names a sink, after a byte order mark too") {
  CHECK(load_text("\xEF\xBB\xBF# x\ndatabase: {sink: null}\n").config.sink.address.sink ==
        config::Sink::null);
  CHECK(load_text("database: {sink: 'null'}\n").config.sink.address.sink == config::Sink::null);
}

TEST_CASE("a YAML alias is as good as what it stands for") {
  const Loaded loaded =
      load_text("normal_parameters: {temperature: &same {min: 1, max: 90}, voltage: *same}\n");
  CHECK(loaded.problems == "");
  CHECK(loaded.config.normal_parameters[2] == types::ChannelParameters{12, 0.1, 1, 90});
}

TEST_CASE("behaviors of a file are merged over the defaults, effect by effect") {
  const Loaded loaded = load_text(
      "behaviors:\n"
      "  firmware:\n"
      "    1.3.0: {probability: 2, channels: {voltage: 0.5}}\n"
      "    1.30: {severity: 3}\n"
      "  location: {Factory A: {daily: 2}}\n");
  CHECK(loaded.problems == "");
  const auto& firmware = loaded.config.behaviors.firmware;
  CHECK(firmware.size() == 3);
  CHECK(firmware.at("1.3").probability == 2);
  CHECK(firmware.at("1.3").noise_factor == 0.15);
  CHECK(firmware.at("1.3").channels ==
        (types::ChannelFactors{{"temperature", 0.6}, {"vibration", 0.2}, {"voltage", 0.5}}));
  CHECK(firmware.at("1.30").severity == 3);
  CHECK(firmware.at("1.30").probability == 1);
  CHECK(loaded.config.behaviors.location.at("Factory A").daily == 2);
  CHECK(loaded.config.behaviors.location.at("Factory").work_hours_rise == 1);
}

TEST_CASE("config_text reads back to the same config") {
  const Loaded changed = load_text(heavily_changed);
  REQUIRE(changed.problems == "");
  const config::Config& config = changed.config;
  CHECK(config.sharding == config::ShardBy{config::ShardKey::hash, 12});
  CHECK(config.fleet.identities == std::vector<std::string>{"a: b", "c\"\\d", "- x", "null", "größe"});
  CHECK(config.clock.start == parse_timestamp("2026-01-31T10:30:05.25Z"));
  CHECK(config.clock.zone == zones::Zone(-330 * 60 * microseconds_per_second));
  CHECK_FALSE(config.anomalies.types[1].duration_seconds);
  CHECK(config.normal_parameters[0].max == 0.30000000000000004);

  for (const config::Config& original : {load({}).config, config}) {
    const std::string text = config::config_text(original);
    const Loaded again = load_text(text);
    CHECK(again.problems == "");
    CHECK(config::config_text(again.config) == text);
    config::Config public_part = original;
    public_part.monitoring.token.clear();
    CHECK(again.config == public_part);
  }
  CHECK(config != load({}).config);
}

TEST_CASE("every key sets what it gets, has help, and a name of its own everywhere") {
  const config::Config defaults = load({}).config;
  std::set<std::string> variables;
  std::set<std::string_view> flags;
  for (const config::ConfigKey& key : config::config_keys()) {
    CAPTURE(key.name);
    config::Config config;
    // Of two spellings of a value, its default has one.
    CHECK((key.set(config, key.get(defaults)) == "") == key.is_spelled(defaults));
    CHECK(config == defaults);
    CHECK(key.help != "");
    CHECK(config::find_config_key(key.name) == &key);
    CHECK(variables.insert(config::environment_name(key.name)).second);
    if (!key.flag.empty()) CHECK(flags.insert(key.flag).second);
  }
  CHECK(config::find_config_key("simulation.rate") == nullptr);
  CHECK(config::environment_name("simulation.readings_per_second") ==
        "FLEET_SIM_SIMULATION_READINGS_PER_SECOND");
  for (const char* flag : {"--rate", "--duration", "--seed", "--identities", "--identity", "--partition",
                           "--threads", "--skip-invalid", "--shard-by", "--speed", "--start", "--data-dir",
                           "--sink", "--writers", "--log-level", "--quiet", "--resume", "--append"}) {
    CAPTURE(flag);
    CHECK(flags.contains(flag));
  }
}

namespace {

// A value that is not the key's default: that of the changed config above, or the first that the key takes.
std::string another_value(const config::ConfigKey& key, const config::Config& changed) {
  for (const std::string& text :
       {key.get(changed), std::string("false"), std::string("true"), std::string("2"), std::string("1"),
        std::string("Asia/Tokyo"), std::string("graded"), std::string("0.4"), std::string("null"),
        std::string("compact"), std::string("off")}) {
    config::Config config;
    if (key.set(config, text).empty() && key.get(config) != key.get(config::Config())) return text;
  }
  FAIL("no value but its default is known for ", key.name);
  return "";
}

}  // namespace

TEST_CASE("every key changes itself and no other") {
  const config::Config changed = load_text(heavily_changed).config;
  const config::Config defaults;
  for (const config::ConfigKey& key : config::config_keys()) {
    CAPTURE(key.name);
    config::Config config;
    REQUIRE(key.set(config, another_value(key, changed)) == "");
    for (const config::ConfigKey& each : config::config_keys()) {
      CAPTURE(each.name);
      const bool is_same_value =
          &each == &key || (each.name == key.other_spelling && !key.is_spelled(defaults));
      CHECK((each.get(config) != each.get(defaults)) == is_same_value);
    }
  }
}

TEST_CASE("the text of what decides readings changes with exactly those keys") {
  const config::Config changed = load_text(heavily_changed).config;
  const std::string before = config::readings_config_text(config::Config());
  for (const config::ConfigKey& key : config::config_keys()) {
    CAPTURE(key.name);
    config::Config config;
    REQUIRE(key.set(config, another_value(key, changed)) == "");
    const std::string section(key.name.substr(0, key.name.find('.')));
    const bool decides = section == "normal_parameters" || section == "anomalies" ||
                         key.name == "simulation.readings_per_second" || key.name == "simulation.interval" ||
                         key.name == "simulation.phase" || key.name == "clock.utc_offset" ||
                         key.name == "clock.time_zone";
    CHECK((key.decides == config::Decides::readings) == decides);
    CHECK((config::readings_config_text(config) != before) == decides);
  }
  config::Config config;
  config.behaviors.model["TempVibe-1000"].severity = 1.01;
  CHECK(config::readings_config_text(config) != before);
}

TEST_CASE("what a row says of its key fits together") {
  for (const config::ConfigKey& key : config::config_keys()) {
    CAPTURE(key.name);
    CHECK(key.help.find("{}") == std::string::npos);
    CHECK(key.more.find("{}") == std::string::npos);
    // A running fleet stays where it is, and only an on/off flag turns a key off.
    if (key.decides == config::Decides::place) CHECK_FALSE(key.at_once);
    if (key.flag_help != key.help) CHECK(key.flag.starts_with("--no-"));
    // What nobody may read can decide nothing that a run records.
    if (key.secret) CHECK(key.decides == config::Decides::nothing);
  }
}

TEST_CASE("secrets are in no text, and a change of one is told without it") {
  const std::string secret = "0123456789abcdef";
  std::size_t secrets = 0;
  for (const config::ConfigKey& key : config::config_keys()) {
    if (!key.secret) continue;
    CAPTURE(key.name);
    ++secrets;
    config::Config config;
    REQUIRE(key.set(config, secret) == "");
    CHECK(config::config_text(config) == config::config_text(config::Config()));
    CHECK(config::readings_config_text(config) == config::readings_config_text(config::Config()));
    const std::vector<config::ConfigChange> changes = config::config_changes(config::Config(), config);
    REQUIRE(changes.size() == 1);
    CHECK(config::change_text(changes[0]) == std::string(key.name) + " (secret) -> (secret)");
    CHECK(key.set(config, "not " + secret).find(secret) == std::string::npos);
  }
  CHECK(secrets == 1);
}

TEST_CASE("a config is read from a text as from a file") {
  Problems problems;
  config::Config config = load_text(heavily_changed).config;
  CHECK(config::config_text(config).find(config.monitoring.token) == std::string::npos);
  config.monitoring.token.clear();
  CHECK(config::read_config(config::config_text(config), "run_info", problems) == config);
  CHECK(problems.empty());
  config::read_config("simulation: {sed: 1}", "run_info", problems);
  CHECK(problems.text().starts_with("run_info:1: unknown key 'simulation.sed'"));
  for (const std::string& text :
       {std::string("a: \x01"), std::string(config::largest_config_file_bytes + 1, ' ')}) {
    Problems refused;
    config::read_config(text, "run_info", refused);
    CHECK(refused.count() == 1);
  }
}

TEST_CASE("text is UTF-8 without control characters") {
  for (const char* good : {"", "plain", "größe", "\xE2\x82\xAC", "\xF0\x9F\x8C\xA1", "\xF4\x8F\xBF\xBF"}) {
    CAPTURE(good);
    CHECK_FALSE(find_text_flaw(good));
  }
  // Stray and missing continuations, overlong forms, a surrogate, past the last plane; then controls.
  for (const char* bad :
       {"a\x80", "a\xC3", "a\xC3z", "a\xC1\x81", "a\xE0\x9F\xBF", "a\xF0\x8F\xBF\xBF", "a\xED\xA0\x80",
        "a\xF4\x90\x80\x80", "a\xFF", "a\x1B", "a\x7F", "a\xC2\x9B", "a\n"}) {
    CAPTURE(bad);
    const auto flaw = find_text_flaw(bad);
    REQUIRE(flaw);
    CHECK(flaw->offset == 1);
  }
  CHECK_FALSE(find_text_flaw("a\n", "\n"));
}

TEST_CASE("values are accepted in the forms people write") {
  const auto value = [](const std::string& key, const std::string& text) {
    const Loaded loaded = load_flag(key, text);
    return loaded.problems.empty() ? config::find_config_key(key)->get(loaded.config) : loaded.problems;
  };
  for (const auto& [text, seconds] : std::map<std::string, std::string>{
           {"90", "90"}, {"90s", "90"}, {"10m", "600"}, {"1.5h", "5400"}, {"30d", "2592000"}, {"0", "0"}}) {
    CHECK(value("simulation.run_time_seconds", text) == seconds);
  }
  for (const char* yes : {"true", "Yes", "ON"}) CHECK(value("logging.quiet", yes) == "true");
  for (const char* no : {"False", "no", "oFF"}) CHECK(value("logging.quiet", no) == "false");
  CHECK(value("sharding.by", "node") == "sensor");
  CHECK(value("sharding.by", "Location") == "location");
  CHECK(value("sharding.by", "hash:100000") == "hash:100000");
  CHECK(value("clock.speed", "MAX") == "max");
  CHECK(value("clock.speed", "0.25") == "0.25");
  CHECK(value("clock.utc_offset", "UTC") == "+00:00");
  CHECK(value("clock.utc_offset", "-03") == "-03:00");
  CHECK(value("clock.utc_offset", "+14:00") == "+14:00");
  CHECK(value("logging.level", "warn") == "WARNING");
  CHECK(value("fleet.partition", "4/4") == "4/4");
  CHECK(value("fleet.partition", "Auto/12") == "auto/12");
  CHECK(value("simulation.readings_per_second", "1e6") == "1000000");
  CHECK(value("simulation.seed", "random") == "random");
  CHECK(value("simulation.run_time_seconds", "1h30m") == "5400");
  CHECK(value("simulation.run_time_seconds", "1d2h3min4s") == "93784");
  CHECK(value("simulation.run_time_seconds", "500ms") == "0.5");
  CHECK(value("simulation.run_time_seconds", "2W") == "1209600");
  CHECK(value("simulation.run_time_seconds", "1.5h") == "5400");
  CHECK(value("simulation.run_time_seconds", "1e3") == "1000");
  CHECK(value("simulation.run_time_seconds", "1e3s") == "1000");
}

TEST_CASE("a wrong flag or variable is named as the user gave it") {
  const auto problem = [](const std::string& key, const std::string& text) {
    return load_flag(key, text).problems;
  };
  CHECK(problem("simulation.readings_per_second", "-1") == "--rate: must be greater than 0, not '-1'");
  CHECK(problem("simulation.readings_per_second", "1e-9") == "--rate: must be at least 1e-08, not '1e-9'");
  const std::string not_a_duration =
      "--duration: must be a duration such as 90, 500ms, 10m, 1h30m or 30d (units: ms, s, m, h, d, w), not ";
  for (const std::string text : {"5y", "1h30", "1h-30m", "m", "", "10 m", "1h 30m", "inf"}) {
    CHECK(problem("simulation.run_time_seconds", text) == not_a_duration + "'" + text + "'");
  }
  CHECK(problem("clock.start", "2026-02-30") == "--start: must be a calendar date, not '2026-02-30'");
  CHECK(problem("simulation.run_time_seconds", "36526d") ==
        "--duration: must be at most 3155760000, not '36526d'");
  CHECK(problem("simulation.seed", "") ==
        "--seed: must be a whole number from 0 to 9223372036854775807, not ''");
  CHECK(problem("fleet.partition", "0/4").starts_with("--partition: must be K/N"));
  CHECK(problem("fleet.partition", "1/").starts_with("--partition: must be K/N"));
  for (const char* text : {"auto", "auto/", "auto/0", "auto/1000001", "auto/-1", "/4", "automatic/4"}) {
    CHECK(problem("fleet.partition", text).starts_with("--partition: must be K/N"));
  }
  CHECK(problem("sharding.by", "hash:100001").starts_with("--shard-by: must be none"));
  CHECK(problem("clock.speed", "1e7").starts_with("--speed: must be max or"));
  CHECK(problem("clock.start", "1969-12-31") ==
        "--start: must be from 1970-01-01 to 9899-12-30, not '1969-12-31'");
  CHECK(problem("database.writers", "1.5") == "--writers: must be a whole number from 1 to 64, not '1.5'");
  CHECK(problem("database.data_dir", "a\x1b[2Jb") ==
        "--data-dir: must be UTF-8 text without control characters, not 'a?[2Jb'");
  CHECK(problem("database.data_dir", std::string(5000, 'x')) ==
        "--data-dir: must be at most 4095 bytes long, not '" + std::string(60, 'x') + "...'");
  CHECK(load({}, {}, {{"normal_parameters.voltage.max", "1", "FLEET_SIM_X"}}).problems ==
        "FLEET_SIM_X: normal_parameters.voltage.min 11.5 must not be above max 1");
}

TEST_CASE("the environment is read by the table's names") {
  const char* environment[] = {"HOME=/root",
                               "FLEET_SIM_SIMULATION_SEED=7",
                               "FLEET_SIM_FLEET_IDENTITIES=a:b c:",
                               "FLEET_SIM_LOGGING_FILE=",
                               "FLEET_SIM_SERVICE_HOST=10.0.0.1",
                               "FLEET_SIM_PORT_8080_TCP=tcp://10.0.0.1:8080",
                               "FLEET_SIM_SIMULATION_SED=8",
                               nullptr};
  Problems problems;
  const std::vector<config::Setting> settings = config::environment_settings(environment, problems);
  CHECK(problems.text() ==
        "FLEET_SIM_SIMULATION_SED: unknown variable (did you mean 'FLEET_SIM_SIMULATION_SEED'?)");
  REQUIRE(settings.size() == 2);
  CHECK(settings[0].source == "FLEET_SIM_SIMULATION_SEED");
  const Loaded loaded = load({}, settings);
  CHECK(loaded.config.simulation.seed == 7u);
  CHECK(loaded.config.fleet.identities == std::vector<std::string>{"a", "b c"});
}

TEST_CASE("each layer says anew which sensors run") {
  const Folder folder;
  const fs::path file = folder.file("fleet: {identities: [old, older]}\n");
  const std::vector<config::Setting> lists{{"fleet.identities", "a:1", "--identities"},
                                           {"fleet.identities", "b", "--identities"}};
  CHECK(load(file).config.fleet.identities == std::vector<std::string>{"old", "older"});
  CHECK(load(file, {}, lists).config.fleet.identities == std::vector<std::string>{"a:1", "b"});
  CHECK(load_text("fleet: {identities: one}").config.fleet.identities == std::vector<std::string>{"one"});

  const config::Setting single{"fleet.identity", "one.json", "--identity"};
  const Loaded replaced = load(file, {}, {single});
  CHECK(replaced.problems == "");
  CHECK(replaced.config.fleet.identity == "one.json");
  CHECK(replaced.config.fleet.identities.empty());
  CHECK(load({}, {}, {single, lists[0]}).problems ==
        "--identity: identity and identities cannot be combined; give one of them");
}

TEST_CASE("a history excludes a start and another speed, a count a partition, wherever each is set") {
  const Folder folder;
  const auto started = folder.file("clock: {start: 2026-01-31}\n");
  const config::Setting backfill{"clock.backfill_seconds", "1d", "--backfill"};
  CHECK(load(started, {}, {backfill}).problems ==
        "--backfill: clock.backfill_seconds '1d' and clock.start '2026-01-31' (" + started.string() +
            ":1) cannot be combined; give one of them");
  const config::Setting speed{"clock.speed", "max", "FLEET_SIM_CLOCK_SPEED"};
  CHECK(load({}, {speed}, {backfill}).problems ==
        "--backfill: clock.backfill_seconds '1d' and clock.speed 'max' (FLEET_SIM_CLOCK_SPEED) cannot be "
        "combined; give one of them");
  CHECK(
      load({}, {}, {backfill, {"clock.start", "now", "--start"}, {"clock.speed", "1", "--speed"}}).problems ==
      "");
  CHECK(load(started, {}, {{"clock.backfill_seconds", "0", "--backfill"}}).problems == "");

  const config::Setting count{"simulation.count", "100", "--count"};
  CHECK(
      load({}, {}, {count, {"fleet.partition", "2/4", "--partition"}}).problems ==
      "--count: simulation.count '100' and fleet.partition '2/4' (--partition) cannot be combined; give one "
      "of them");
  CHECK(load({}, {}, {count, {"fleet.partition", "1/1", "--partition"}}).problems == "");
}

TEST_CASE("what a resumed run has recorded excludes nothing, and can be read back") {
  config::Config recorded;
  recorded.clock.backfill_seconds = 86'400;
  recorded.clock.start = 1'767'225'600'000'000;
  recorded.simulation.count = 100;
  recorded.simulation.run_time_seconds = 60;
  Problems problems;
  CHECK(config::load_config({}, {}, {}, problems, recorded) == recorded);
  CHECK(config::read_config(config::config_text(recorded), "recorded", problems) == recorded);
  CHECK(problems.text() == "");
}

TEST_CASE("a count alone has no run time beside it") {
  const config::Setting count{"simulation.count", "100", "--count"};
  CHECK(load({}, {}, {count}).config.simulation.run_time_seconds == 0);
  CHECK(load({}, {}, {count, {"simulation.run_time_seconds", "1m", "--duration"}})
            .config.simulation.run_time_seconds == 60);
  CHECK(load({}, {}, {{"simulation.count", "0", "--count"}}).config.simulation.run_time_seconds == 3'600);
}

TEST_CASE("trailing zeros do not make another firmware") {
  CHECK(config::canonical_firmware("1.3.0") == "1.3");
  CHECK(config::canonical_firmware("1.0.0") == "1");
  CHECK(config::canonical_firmware("1.30") == "1.30");
  CHECK(config::canonical_firmware("10") == "10");
  CHECK(config::canonical_firmware("0.0") == "0");
  CHECK(config::canonical_firmware(".0") == ".0");
  CHECK(config::canonical_firmware("") == "");
}

TEST_CASE("the data directory is the folder of the database unless another is named") {
  config::Config config;
  config.sqlite.path = "x.db";
  CHECK(config.data_directory() == ".");
  config.sqlite.path = "/data/runs/x.db";
  CHECK(config.data_directory() == "/data/runs");
  config.sqlite.data_dir = "elsewhere";
  CHECK(config.data_directory() == "elsewhere");
}

}  // namespace fleet_sim::config_test
