// What a reload of declared types changes, and what of it a running fleet follows.
#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/config_changes.h"
#include "config/load_config.h"

namespace fleet_sim::type_changes_test {
namespace {

constexpr std::string_view pump = R"(types:
  pump:
    sources:
      run: {kind: load, duty: 0.6}
      mixer: {kind: load, duty: 0.2}
      level: {kind: noise, from: 30m, to: 8h}
      day: {kind: cycle, period: 24h}
    channels:
      flow: {unit: m3/h, base: 2, white: 0.3, resolution: 0.1, terms: {run: 48, level: 2}}
      volume: {unit: m3, kind: counter, per: 1h, resolution: 0.01, rate: {run: 48}}
      power: {unit: W, kind: product, of: [flow, flow]}
      mode: {kind: state, of: mixer, at: [0.5], names: [stopped, running]}
)";

config::Config read(std::string_view text) {
  Problems problems;
  config::Config config = config::read_config(text, "types.yaml", problems);
  REQUIRE(problems.text() == "");
  return config;
}

config::Config with(std::string_view from, std::string_view to) {
  std::string text(pump);
  const auto at = text.find(from);
  REQUIRE(at != text.npos);
  return read(text.replace(at, from.size(), to));
}

struct Changed {
  std::vector<std::string> at_once;
  std::vector<std::string> later;
};

// Also that a running config adopts a type exactly if all of its changes apply at once.
Changed changes_to(const config::Config& wanted) {
  const config::Config running = read(pump);
  Changed changed;
  for (const config::ConfigChange& change : config::config_changes(running, wanted))
    (change.at_once ? changed.at_once : changed.later).push_back(config::change_text(change));
  CHECK((config::adopt(running, wanted).types == wanted.types) == changed.later.empty());
  if (!changed.later.empty()) CHECK(config::adopt(running, wanted).types == running.types);
  return changed;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a running fleet follows what its sensors read, field by field") {
  CHECK(changes_to(read(pump)).at_once.empty());
  CHECK(changes_to(with("white: 0.3", "white: 0.5")).at_once ==
        Texts{"types.pump.channels.flow.white 0.3 -> 0.5"});
  CHECK(changes_to(with("{run: 48, level: 2}", "{run: 40, day: 1}")).at_once ==
        Texts{"types.pump.channels.flow.terms {run: 48, level: 2} -> {run: 40, day: 1}"});
  CHECK(changes_to(with("base: 2,", "base: 2, range: [0, .inf],")).at_once ==
        Texts{"types.pump.channels.flow.range [-.inf, .inf] -> [0, .inf]"});
  CHECK(changes_to(with("to: 8h", "to: 4h, roughness: 1")).at_once ==
        Texts{"types.pump.sources.level.to 8h -> 4h", "types.pump.sources.level.roughness 0.5 -> 1"});
  CHECK(changes_to(with("duty: 0.2", "duty: 0.3, schedule: \"Mon-Fri 06:00-22:00\"")).at_once ==
        Texts{"types.pump.sources.mixer.duty 0.2 -> 0.3",
              "types.pump.sources.mixer.schedule \"\" -> \"Mon-Fri 06:00-22:00\""});
  CHECK(changes_to(with("at: [0.5]", "at: [0.7]")).at_once ==
        Texts{"types.pump.channels.mode.at [0.5] -> [0.7]"});
  CHECK(changes_to(with("of: [flow, flow]", "of: [flow, volume]")).at_once ==
        Texts{"types.pump.channels.power.of [flow, flow] -> [flow, volume]"});
}

TEST_CASE("how a part wears out waits for a restart") {
  constexpr std::string_view mode = "names: [stopped, running]}\n";
  const auto with_aging = [&](std::string_view aging) {
    return with(mode, std::string(mode) + "    aging:\n      wear: {" + std::string(aging) + "}\n");
  };
  const config::Config worn = with_aging("every: 60d, life: 20d, terms: {flow: 12}");
  CHECK(changes_to(worn).later ==
        Texts{"types.pump.aging.wear none -> {every: 60d, life: 20d, terms: {flow: 12}}"});
  const auto later = [&](const config::Config& from, const config::Config& to) {
    Texts texts;
    for (const config::ConfigChange& change : config::config_changes(from, to)) {
      CHECK_FALSE(change.at_once);
      texts.push_back(config::change_text(change));
    }
    CHECK(config::adopt(from, to).types == from.types);
    return texts;
  };
  CHECK(
      later(worn, with_aging("every: 60d, life: 25d, terms: {flow: 13}")) ==
      Texts{"types.pump.aging.wear.life 20d -> 25d", "types.pump.aging.wear.terms {flow: 12} -> {flow: 13}"});
  CHECK(later(worn, with_aging("every: 60d, life: 20d, terms: {flow: 12}, then: stuck")) ==
        Texts{"types.pump.aging.wear.then silent -> stuck"});
  CHECK(later(worn, read(pump)) ==
        Texts{"types.pump.aging.wear {every: 60d, life: 20d, terms: {flow: 12}} -> none"});
}

TEST_CASE("sources come and go in a running fleet, unless a counter would count another load") {
  CHECK(changes_to(with("      day: {kind: cycle, period: 24h}\n", "")).at_once ==
        Texts{"types.pump.sources.day {kind: cycle, period: 1d} -> none"});
  CHECK(changes_to(with("      day:", "      hum: {kind: white}\n      day:")).at_once ==
        Texts{"types.pump.sources.hum none -> {kind: white}"});
  CHECK(changes_to(with("      day: {kind: cycle, period: 24h}", "      day: {kind: white}")).at_once ==
        Texts{"types.pump.sources.day {kind: cycle, period: 1d} -> {kind: white}"});
  CHECK(changes_to(with("      run: {kind: load, duty: 0.6}\n",
                        "      fan: {kind: load, duty: 0.1}\n      run: {kind: load, duty: 0.6}\n"))
            .later == Texts{"types.pump.sources.fan none -> {kind: load, duty: 0.1}"});
  CHECK(changes_to(with("      run: {kind: load, duty: 0.6}\n      mixer: {kind: load, duty: 0.2}\n",
                        "      mixer: {kind: load, duty: 0.2}\n      run: {kind: load, duty: 0.6}\n"))
            .later == Texts{"types.pump.sources [run, mixer, level, day] -> [mixer, run, level, day]"});
}

TEST_CASE("columns and counters wait for a restart") {
  CHECK(changes_to(with("      power:", "      work:")).later ==
        Texts{"types.pump.channels [flow, volume, power, mode] -> [flow, volume, work, mode]"});
  CHECK(changes_to(with("unit: m3/h", "unit: l/s")).later ==
        Texts{"types.pump.channels.flow.unit m3/h -> l/s"});
  CHECK(changes_to(with("resolution: 0.1", "resolution: 0.5")).later ==
        Texts{"types.pump.channels.flow.resolution 0.1 -> 0.5"});
  CHECK(changes_to(with("[stopped, running]", "[off, running]")).later ==
        Texts{"types.pump.channels.mode.names [stopped, running] -> [off, running]"});
  CHECK(changes_to(with("kind: product, of: [flow, flow]", "base: 5")).later ==
        Texts{"types.pump.channels.power {kind: product, unit: W, of: [flow, flow]} -> {unit: W, "
              "base: 5}"});
  CHECK(changes_to(with("rate: {run: 48}", "rate: {run: 40}")).later ==
        Texts{"types.pump.channels.volume.rate {run: 48} -> {run: 40}"});
  CHECK(changes_to(with("per: 1h", "per: 1m")).later == Texts{"types.pump.channels.volume.per 1h -> 1m"});
  CHECK(changes_to(with("duty: 0.6", "duty: 0.7")).later == Texts{"types.pump.sources.run.duty 0.6 -> 0.7"});
}

TEST_CASE("a type with one change that waits, waits as a whole; others do not") {
  const Changed changed = changes_to(with("base: 2, white: 0.3, resolution: 0.1", "base: 3, white: 0.3"));
  CHECK(changed.at_once.empty());
  CHECK(changed.later ==
        Texts{"types.pump.channels.flow.base 2 -> 3", "types.pump.channels.flow.resolution 0.1 -> 0"});

  const std::string hall = "  hall: {channels: {light: {base: 300}}}\n";
  const config::Config both = read(std::string(pump) + hall);
  config::Config wanted = with("per: 1h", "per: 1m");
  wanted.types.insert(read("types:\n  hall: {channels: {light: {base: 400}}}\n").types.extract("hall"));
  const config::Config adopted = config::adopt(both, wanted);
  CHECK(adopted.types.at("hall") == wanted.types.at("hall"));
  CHECK(adopted.types.at("pump") == both.types.at("pump"));
}

TEST_CASE("a type that comes or goes waits for a restart") {
  const std::string hall = "  hall: {channels: {light: {base: 300}}}\n";
  CHECK(changes_to(read(std::string(pump) + hall)).later == Texts{"types.hall none -> [light]"});
  CHECK(changes_to(read("")).later == Texts{"types.pump [flow, volume, power, mode] -> none"});
}

TEST_CASE("a change waits with a type of which an earlier change waits") {
  const config::Config running = read(pump);
  const config::Config waits = with("per: 1h", "per: 1m");
  config::Config wanted = waits;
  std::get<types::Gauge>(wanted.types.at("pump").signal.channels[0].kind).base = 3;
  std::vector<config::ConfigChange> changes = config::config_changes(waits, wanted);
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].at_once);
  config::mark_waiting(changes, config::adopt(running, wanted), wanted);
  CHECK_FALSE(changes[0].at_once);

  changes = config::config_changes(running, with("base: 2, white", "base: 3, white"));
  config::mark_waiting(changes, config::adopt(running, with("base: 2, white", "base: 3, white")),
                       with("base: 2, white", "base: 3, white"));
  CHECK(changes.at(0).at_once);
}

}  // namespace fleet_sim::type_changes_test
