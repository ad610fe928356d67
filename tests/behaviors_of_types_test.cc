// What behaviors do to channels of declared types, from YAML to the numbers of a profile.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "base/problems.h"
#include "config/behaviors.h"
#include "config/load_config.h"
#include "fleet/profile_table.h"
#include "model/profile.h"
#include "model/resolution.h"
#include "support/rosters.h"

namespace fleet_sim::behaviors_of_types_test {

namespace {

constexpr std::string_view pump = R"(types:
  pump:
    sources:
      run: {kind: load, duty: 0.5}
      day: {kind: cycle, period: 24h}
    channels:
      flow:      {base: 5, white: 0.5, terms: {run: 40, day: 2}}
      vibration: {scale: log, base: 0.5, white: 0.1, terms: {run: 8}}
      volume:    {kind: counter, per: 1h, resolution: 0.01, rate: {run: 40}}
behaviors:
  firmware:
    "9": {spread: {flow: 2, vibration: 3}, gain: {flow: {run: 0.5}, vibration: {run: 2}}, shift: {flow: -1, vibration: 4}}
  model:
    Old: {gain: {flow: {run: 0.5, day: -1}}, shift: {flow: 0.25}}
)";

struct Read {
  config::Config config;
  std::string problems;
};

Read read(const std::string& text) {
  Read read;
  Problems problems;
  read.config = config::read_config(text, "pump.yaml", problems);
  read.problems = problems.text();
  return read;
}

std::string with(std::string_view from, std::string_view to) {
  std::string text(pump);
  const auto at = text.find(from);
  REQUIRE(at != text.npos);
  return text.replace(at, from.size(), to);
}

model::ProfileNumbers<model::NoTrail> numbers_of(const config::Config& config, const std::string& model) {
  const types::Catalog types(config.types);
  identity::IdentityRecord record = test::identity_of("P");
  record.type = "pump";
  record.firmware_version = "9.0";
  record.model = model;
  const identity::Roster roster = test::roster_of(std::vector<identity::IdentityRecord>{record});
  const model::ProfileSource source = fleet::profile_source(roster, roster[0], config, types["pump"]);
  return model::Resolution<model::NoTrail>(config, source).numbers();
}

}  // namespace

TEST_CASE("behaviors act on the base, the white noise and the terms of declared gauges") {
  const Read pumps = read(std::string(pump));
  REQUIRE(pumps.problems == "");
  const auto numbers = numbers_of(pumps.config, "None");
  const auto& flow = numbers.channels[0];
  CHECK(flow.mean.value() == 4);
  CHECK(flow.deviation.value() == 1);
  CHECK(flow.gains[0].value() == 20);
  CHECK(flow.gains[1].value() == 2);
  const auto& vibration = numbers.channels[1];
  CHECK(vibration.mean.value() == 2);
  CHECK(vibration.deviation.value() == doctest::Approx(0.3));
  CHECK(vibration.gains[0].value() == doctest::Approx(64).epsilon(1e-12));  // 8^2
  CHECK(numbers.channels[2].gains.empty());

  const auto both = numbers_of(pumps.config, "Old");
  CHECK(both.channels[0].mean.value() == 4.25);
  CHECK(both.channels[0].gains[0].value() == 10);
  CHECK(both.channels[0].gains[1].value() == -2);
}

TEST_CASE(
    "which channel an anomaly picks is what the first behavior says that knows the channels of the type") {
  Read pumps = read(std::string(pump));
  REQUIRE(pumps.problems == "");
  const auto weights = [&] {
    std::vector<double> all;
    for (const auto& weight : numbers_of(pumps.config, "Old").channel_weights) all.push_back(weight.value());
    return all;
  };
  CHECK(weights() == std::vector<double>(weights().size(), 1));
  pumps.config.behaviors.firmware["9"].channels = types::ChannelFactors{{"voltage", 0.5}};  // of another type
  CHECK(weights() == std::vector<double>(weights().size(), 1));
  pumps.config.behaviors.model["Old"].channels = types::ChannelFactors{{"flow", 3}};
  CHECK(weights().front() == 3);
  CHECK(weights().back() == 1);
  pumps.config.behaviors.firmware["9"].channels = types::ChannelFactors{{"flow", 7}};
  CHECK(weights().front() == 7);
}

TEST_CASE("a weight of 1 that stands against that of a built-in behavior is written and read back") {
  const Read read_once = read("behaviors: {firmware: {\"1.4\": {weights: {spike: 1}}}}");
  CHECK(read_once.problems == "");
  CHECK(read_once.config != config::Config());
  CHECK(read(config::config_text(read_once.config)).config == read_once.config);
}

TEST_CASE("behaviors of declared channels are written and read back") {
  const Read pumps = read(std::string(pump));
  const Read again = read(config::config_text(pumps.config));
  CHECK(again.problems == "");
  CHECK(again.config == pumps.config);
  CHECK(read("{}").config.behaviors == config::Config().behaviors);
  CHECK(config::behaviors_text(config::Config().behaviors).find("gain: {") == std::string::npos);
}

TEST_CASE("what behaviors cannot say of channels is named with its line") {
  const auto problem = [](std::string_view from, std::string_view to) {
    return read(with(from, to)).problems;
  };
  const auto has = [](const std::string& text, std::string_view part) {
    CAPTURE(text);
    CHECK(text.find(part) != text.npos);
  };
  has(problem("gain: {flow: {run: 0.5}, v", "gain: {flow: {rum: 0.5}, v"),
      "pump.yaml:12: unknown key 'behaviors.firmware.9.gain.flow.rum' (did you mean 'run'?)");
  has(problem("gain: {flow: {run: 0.5}, v", "gain: {flaw: {run: 0.5}, v"),
      "unknown key 'behaviors.firmware.9.gain.flaw' (did you mean 'flow'?)");
  has(problem("gain: {flow: {run: 0.5}, v", "gain: {temperature: {run: 0.5}, v"),
      "behaviors.firmware.9.gain.temperature must name a channel that has terms");
  has(problem("spread: {flow: 2", "spread: {volume: 2"), "unknown key 'behaviors.firmware.9.spread.volume'");
  has(problem("shift: {flow: -1, vibration: 4}", "shift: {vibration: -1}"),
      "behaviors.firmware.9.shift.vibration must be a factor above 0, as 'vibration' of 'pump' has scale: "
      "log");
  has(problem("shift: {flow: -1, vibration: 4}", "shift: {flow: much}"), "shift.flow must be a number");
}

TEST_CASE("however much behaviors multiply, what is read is a number") {
  const Read machines = read(R"(types:
  machine:
    sources: {run: {kind: load, duty: 1}}
    channels:
      vibration: {scale: log, base: 0.5, resolution: 1e-9, terms: {run: 8}}
      square:    {kind: product, of: [vibration, vibration], resolution: 1e-9}
behaviors: {firmware: {"9": {gain: {vibration: {run: 1000}}}}}
)");
  REQUIRE(machines.problems == "");
  const types::Catalog types(machines.config.types);
  identity::IdentityRecord record = test::identity_of("M");
  record.firmware_version = "9";
  const identity::Roster roster = test::roster_of(std::vector<identity::IdentityRecord>{record});
  const model::Profile profile = model::resolve_profile(
      machines.config, fleet::profile_source(roster, roster[0], machines.config, types["machine"]));
  const std::vector<double> deviates(profile.signal->deviates(), 0.0);
  std::vector<double> values(2);
  profile.signal->levels({sources::sensor_key(1, 1), {}}, types::counters_begin, deviates, values);
  profile.signal->read(values);
  CHECK(values[0] > 1e250);
  CHECK(std::isfinite(values[0]));
  CHECK(std::isfinite(values[1]));
}

TEST_CASE("a shift moves the built-in type's channels, too") {
  const Read shifted = read("behaviors: {firmware: {\"9\": {shift: {voltage: 0.5}}}}");
  REQUIRE(shifted.problems == "");
  identity::IdentityRecord record = test::identity_of("T");
  record.firmware_version = "9";
  const identity::Roster roster = test::roster_of(std::vector<identity::IdentityRecord>{record});
  const model::Profile profile =
      model::resolve_profile(shifted.config, fleet::profile_source(roster, roster[0], shifted.config));
  CHECK(profile.channels[2].mean == 12.5);
  CHECK(profile.channels[0].mean == 65);
}

}  // namespace fleet_sim::behaviors_of_types_test
