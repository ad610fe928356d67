// Types as users declare them: what is read, what is refused and how, and that a type that is written reads
// back as it was.
#include <doctest/doctest.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/problems.h"
#include "base/random.h"
#include "declare/declarations.h"
#include "sources/signal.h"

namespace fleet_sim::type_declarations_test {
namespace {

struct ReadTypes {
  types::DeclaredTypes types;
  std::string problems;
};

ReadTypes read(const std::string& text) {
  ReadTypes read;
  Problems problems;
  const yaml::FileProblems file("types.yaml", problems);
  const auto root = yaml::parse(text, file);
  if (root && !root->children.empty()) declare::read_types(root->children.front(), read.types, file);
  read.problems = problems.text();
  return read;
}

constexpr std::string_view pump = R"(types:
  pump:
    sources:
      run:     {kind: load, duty: 0.6, burst: 1.3, schedule: "Mon-Sat 06:00-22:00"}
      warm:    {kind: lag, of: run, tau: 2.5h}
      level:   {kind: noise, from: 30m, to: 8h, roughness: 0.3}
      ambient: {kind: noise, scope: site, from: 12h, to: 16d, roughness: 0.5}
      day:     {kind: cycle, period: 24h, peak: "15:00"}
      shared:  {kind: white}
    channels:
      suction:   {unit: bar, base: 2, white: 0.01, resolution: 0.01, terms: {run: -0.4, level: 0.05}}
      flow:      {unit: m3/h, base: 0, white: 0.3, range: [0, 80], terms: {run: 48, level: 2, shared: 1}}
      bearing:   {unit: "°C", base: 30, white: 0.05, resolution: 0.1, rails: [-20, 150], terms: {warm: 18, ambient: 2, day: 0.8}}
      vibration: {unit: mm/s, scale: log, base: 0.3, white: 0.02, terms: {run: 8.2, level: 1.2}}
      volume:    {unit: m3, kind: counter, per: 1h, resolution: 0.01, rate: {run: 48}}
      power:     {unit: W, kind: product, of: [suction, flow]}
      mode:      {kind: state, of: run, at: [0.5], names: [stopped, running]}
    aging:
      wear:      {every: 60d, life: {median: 20d, min: 5d, max: 50d}, terms: {bearing: 12, vibration: 4.5}, then: stuck}
      seal:      {every: 2.5d, life: 36h, terms: {flow: -3}}
)";

// The pump with one text in the place of another.
std::string with(std::string_view from, std::string_view to) {
  std::string text(pump);
  const auto at = text.find(from);
  REQUIRE(at != text.npos);
  return text.replace(at, from.size(), to);
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != text.npos;
}

}  // namespace

TEST_CASE("a declared type is what its YAML says") {
  const ReadTypes declared = read(std::string(pump));
  REQUIRE(declared.problems == "");
  REQUIRE(declared.types.size() == 1);
  const types::DeclaredType& type = declared.types.at("pump");
  REQUIRE(type.columns.size() == 7);
  CHECK(type.columns[2].name == "bearing");
  CHECK(type.columns[2].unit == "°C");
  CHECK(type.columns[6].states == std::vector<std::string>{"stopped", "running"});

  const auto& load = std::get<types::Load>(type.signal.sources[0].kind);
  CHECK(load.duty == 0.6);
  REQUIRE(load.schedule.size() == 6);
  CHECK(load.schedule[5].from == 5 * microseconds_per_day + 6 * 3'600 * microseconds_per_second);
  const auto& lag = std::get<types::Lag>(type.signal.sources[1].kind);
  CHECK(lag.of == 0);
  CHECK(lag.tau == 9'000 * microseconds_per_second);
  CHECK(std::get<types::Noise>(type.signal.sources[3].kind).scope == types::Scope::site);
  CHECK(std::get<types::Cycle>(type.signal.sources[4].kind).peak == 15 * 3'600 * microseconds_per_second);

  const auto& bearing = std::get<types::Gauge>(type.signal.channels[2].kind);
  CHECK(bearing.rails == types::Limits{-20, 150});
  CHECK(bearing.terms == std::vector<types::Term>{{1, 18}, {3, 2}, {4, 0.8}});
  CHECK(std::get<types::Gauge>(type.signal.channels[3].kind).scale == types::Gauge::Scale::logarithmic);
  CHECK(std::get<types::Counter>(type.signal.channels[4].kind).rate == std::vector<types::Term>{{0, 48}});
  CHECK(std::get<types::Product>(type.signal.channels[5].kind).of == std::vector<std::size_t>{0, 1});

  constexpr Microseconds day = microseconds_per_day;
  CHECK(type.signal.agings ==
        std::vector<types::Aging>{
            {"wear", 60 * day, {20 * day, 5 * day, 50 * day}, {{2, 12}, {3, 4.5}}, types::Aging::Then::stuck},
            {"seal",
             60 * day / 24,
             {3 * day / 2, 3 * day / 2, 3 * day / 2},
             {{1, -3}},
             types::Aging::Then::silent}});
}

TEST_CASE("types that are written read back as they were") {
  const ReadTypes declared = read(std::string(pump));
  const ReadTypes again = read(declare::types_text(declared.types));
  CHECK(again.problems == "");
  CHECK(again.types == declared.types);
  CHECK(declare::types_text({}) == "");
}

TEST_CASE("hours of the week run past midnight and over the end of the week") {
  const ReadTypes night = read(with("Mon-Sat 06:00-22:00", "Fri-Sun 22:00-06:00; Mon 05:00-07:00"));
  REQUIRE(night.problems == "");
  const auto& load = std::get<types::Load>(night.types.at("pump").signal.sources[0].kind);
  constexpr Microseconds hour = 3'600 * microseconds_per_second;
  CHECK(load.schedule == std::vector<types::Hours>{{0, 7 * hour},
                                                   {(4 * 24 + 22) * hour, (5 * 24 + 6) * hour},
                                                   {(5 * 24 + 22) * hour, (6 * 24 + 6) * hour},
                                                   {(6 * 24 + 22) * hour, 7 * 24 * hour}});
  CHECK(read(declare::types_text(night.types)).types == night.types);
}

TEST_CASE("what cannot be declared is named with its line and what would do") {
  struct Case {
    std::string_view from;
    std::string_view to;
    std::string_view problem;
  };
  const Case cases[] = {
      // Sources
      {"of: run, tau", "of: level, tau",
       "types.yaml:5: types.pump.sources.warm.of must name a load; 'level' is none"},
      {"of: run, tau", "of: rum, tau",
       "types.yaml:5: types.pump.sources.warm.of names 'rum', which is no source of the type (did you mean "
       "'run'?); it has run, warm, level, ambient, day, shared"},
      {"tau: 2.5h", "tau: 4m", "types.yaml:5: types.pump.sources.warm.tau must be 5m to 365d, not '4m'"},
      {"tau: 2.5h", "tau: -1h", "types.pump.sources.warm.tau must be 5m to 365d, not '-1h'"},
      {"tau: 2.5h", "tau: soon", "types.pump.sources.warm.tau must be a duration such as"},
      {"kind: noise, from", "kind: nose, from",
       "types.pump.sources.level.kind must be noise, load, lag, cycle, white, not 'nose' (did you mean "
       "'noise'?)"},
      {"{kind: white}", "{}", "types.pump.sources.shared must have a kind: noise, load, lag, cycle, white"},
      {"{kind: white}", "white", "types.pump.sources.shared must be a map"},
      {"from: 30m, to: 8h", "from: 8h, to: 30m", "types.pump.sources.level.to must not be less than 'from'"},
      {"from: 30m, to: 8h", "from: 8h", "types.pump.sources.level must have 'to', as every noise does"},
      {"from: 30m, to: 8h", "from: 0, to: 8h", "types.pump.sources.level.from must be 1ms to 2920d, not '0'"},
      {"roughness: 0.3", "roughness: 0", "types.pump.sources.level.roughness must be at least 0.01"},
      {"scope: site", "scope: sites",
       "must be sensor, location, site, fleet, not 'sites' (did you mean 'site'?)"},
      {"duty: 0.6", "duty: 1.5", "types.pump.sources.run.duty must be at most 1"},
      {"duty: 0.6", "duty: .nan", "types.pump.sources.run.duty must be a number"},
      {"Mon-Sat 06:00-22:00", "Mo-Sa 6-22",
       "types.pump.sources.run.schedule must be hours of the week such as"},
      {"Mon-Sat 06:00-22:00", "Mon 06:00-06:00", "must be hours of the week such as"},
      {"Mon-Sat 06:00-22:00", "Mon 25:00-26:00", "must be hours of the week such as"},
      {"Mon-Sat 06:00-22:00", "; ;", "must be hours of the week such as"},
      {"\"15:00\"", "\"24:00\"", "types.pump.sources.day.peak must be a time of day such as 15:00"},
      {"      shared: ", "      my level: {kind: white}\n      shared: ",
       "types.yaml:9: types.pump.sources.'my level' has a name that must be 1 to 63 letters"},
      // Gauges
      {"{run: 48, level: 2", "{rum: 48, level: 2",
       "types.yaml:12: types.pump.channels.flow.terms names 'rum', which is no source of the type (did you "
       "mean "
       "'run'?)"},
      {"{run: 48, level: 2", "{run: 48, level: much",
       "types.pump.channels.flow.terms of 'level' must be a number, not 'much'"},
      {"{run: 48, level: 2, shared: 1}", "[run]",
       "must be a map of sources and their factors, such as {run: 2}"},
      {"base: 2, white", "bass: 2, white",
       "types.yaml:11: unknown key 'types.pump.channels.suction.bass' (did you mean 'base'?)"},
      {"base: 2, white", "white",
       "types.yaml:11: types.pump.channels.suction must have 'base', as every gauge does"},
      {"range: [0, 80]", "range: [1, 80]", "types.pump.channels.flow.range must contain the base 0"},
      {"rails: [-20, 150]", "rails: [31, .inf]",
       "types.pump.channels.bearing.rails must contain the base 30"},
      {"range: [0, 80]", "range: [80, 0]",
       "must be a list of two rising numbers such as [0, 80] or [0, .inf]"},
      {"range: [0, 80]", "range: [0]", "must be a list of two rising numbers"},
      {"range: [0, 80]", "range: [0, inf]", "types.pump.channels.flow.range must be a number, not 'inf'"},
      {"white: 0.3", "white: nan", "types.pump.channels.flow.white must be a number"},
      {"white: 0.3", "white: -1", "types.pump.channels.flow.white must be at least 0"},
      {"resolution: 0.1,", "resolution: 1e-12,",
       "types.pump.channels.bearing.resolution must be at least 1e-09"},
      {"base: 0.3", "base: 0", "types.pump.channels.vibration.base must be greater than 0 with scale: log"},
      {"run: 8.2", "run: -8.2",
       "types.pump.channels.vibration.terms must be factors greater than 0 with scale: log"},
      {"run: 8.2", "run: 1e15, warm: 1e15", "could read more than a number can be"},
      {"scale: log", "scale: log, range: [-2, 0]", "types.pump.channels.vibration.range must end above 0"},
      // Counters, products and states
      {"rate: {run: 48}", "rate: {level: 48}",
       "types.yaml:15: types.pump.channels.volume.rate must be of loads; 'level' is none"},
      {"rate: {run: 48}", "rate: {run: -1}", "types.pump.channels.volume.rate of 'run' must be at least 0"},
      {", rate: {run: 48}", "",
       "types.pump.channels.volume must have a base or a rate above 0, or it never counts"},
      {"per: 1h, resolution: 0.01", "per: 1ms, resolution: 1e-9",
       "types.pump.channels.volume could count beyond 2^53 steps of its resolution, where numbers have gaps; "
       "take a "
       "coarser resolution or a larger unit"},
      {"rate: {run: 48}", "since: 9899-01-01, rate: {run: 2e6}",
       "types.pump.channels.volume could count beyond 2^53 steps of its resolution"},
      {"rate: {run: 48}", "wrap: 1e-3, rate: {run: 48}",
       "types.pump.channels.volume.wrap must not be less than the"},
      {"of: [suction, flow]", "of: [suction, power]",
       "types.yaml:16: types.pump.channels.power.of must not depend on the channel itself"},
      {"of: [suction, flow]}", "of: [suction, work]}\n      work: {kind: product, of: [flow, power]}",
       "types.yaml:16: types.pump.channels.power.of must not depend on the channel itself"},
      {"of: [suction, flow]}", "of: [huge, huge]}\n      huge: {base: 1, scale: log, terms: {run: 1e15}}",
       "types.yaml:16: types.pump.channels.power.of could come to more than a number can be"},
      {"of: [suction, flow]", "of: [suction]",
       "types.pump.channels.power.of must be a list of 2 to 16 channels"},
      {"of: [suction, flow]", "of: [suction, flaw]",
       "names 'flaw', which is no channel of the type (did you mean 'flow'?); it has suction, flow, "},
      {"at: [0.5]", "at: [0.5, 0.2]", "types.pump.channels.mode.at must be a list of 1 to 15 rising numbers"},
      {"names: [stopped, running]", "names: [stopped]",
       "types.yaml:17: types.pump.channels.mode.names must be 2 texts, one more than there are thresholds, "
       "not 1"},
      {"unit: bar", "names: [a, b]",
       "types.pump.channels.suction.names is only for channels of the kind state"},
      // Names and units
      {"      volume: ", "      location: ",
       "types.yaml:15: types.pump.channels.location needs another name: it stands for a column, and this is "
       "the name "
       "of another column"},
      {"      volume: ", "      ID: ", "types.pump.channels.ID needs another name"},
      {"      volume: ", "      synced: ", "types.pump.channels.synced needs another name"},
      {"      volume: ", "      sequence: ", "types.pump.channels.sequence needs another name"},
      {"      volume: ", "      due: ", "types.pump.channels.due needs another name"},
      {"      volume: ", "      arrived_at: ", "types.pump.channels.arrived_at needs another name"},
      {"      volume: ", "      run_id: ", "types.pump.channels.run_id needs another name"},
      {"      volume: ", "      ctid: ", "types.pump.channels.ctid needs another name"},
      {"      volume: ", "      select: ",
       "types.pump.channels.select needs another name: it stands for a column, "
       "and this is a word of SQL"},
      {"      volume: ", "      2nd: ", "may only have letters, digits and underscores, 63 at most"},
      {"      volume: ", "      \"m\\e[31m\": ", "types.pump.channels.'m?[31m' needs another name"},
      {"      volume: ", "      SUCTION: ",
       "types.pump.channels.SUCTION needs another name: SQL takes it for the same as 'suction'"},
      {"      volume: ", "      suction: ", "types.yaml:15: repeated key 'suction' (first on line 11)"},
      {"unit: bar", "unit: 123456789_123456789_123456789_123",
       "types.pump.channels.suction.unit must not be longer than 32 bytes"},
      {"unit: bar", "unit: \"\\x07\"", "types.pump.channels.suction.unit must be UTF-8 text without control"},
      {"  pump:", "  2pump:", "types.yaml:2: types.'2pump' must be 1 to 40 letters, digits and underscores"},
      {"  pump:", "  Temperature_Vibration:",
       "must differ from the built-in type 'temperature_vibration' in more than case"},
      {"  pump:", "  Hall: {channels: {light: {base: 1}}}\n  hall:",
       "must differ from the type 'Hall' in more than"},
      {"  pump:", "  temperature_vibration:",
       "types.yaml:10: types.temperature_vibration.channels must be temperature, vibration, voltage, in this "
       "order; "
       "declare a type of another name for others"},
      {"    channels:", "    chanels: {}\n    channels:", "(did you mean 'channels'?)"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.to);
    const std::string problems = read(with(one.from, one.to)).problems;
    CHECK_MESSAGE(contains(problems, one.problem), problems);
    CHECK(problems.size() < 1'000);
  }
  const std::string unit = read(with("unit: bar", "unit: " + std::string(10'000, 'x'))).problems;
  CHECK(unit == "types.yaml:11: types.pump.channels.suction.unit must not be longer than 32 bytes");
}

TEST_CASE("what an aging cannot be is refused with its line and what would do") {
  struct Case {
    std::string_view from;
    std::string_view to;
    std::string_view problem;
  };
  constexpr Case cases[] = {
      {"every: 60d, ", "", "types.yaml:19: types.pump.aging.wear must have 'every', as every aging does"},
      {"life: 36h, ", "", "types.yaml:20: types.pump.aging.seal must have 'life', as every aging does"},
      {", terms: {flow: -3}", "", "types.pump.aging.seal must have 'terms', as every aging does"},
      {"every: 60d", "every: 5", "types.yaml:19: types.pump.aging.wear.every must be 10s to 36525d, not '5'"},
      {"every: 60d", "every: often", "types.pump.aging.wear.every must be"},
      {"every: 60d", "evry: 60d",
       "types.yaml:19: unknown key 'types.pump.aging.wear.evry' (did you mean 'every'?)"},
      {"every: 60d", "every: 55d",
       "types.yaml:19: types.pump.aging.wear.life must be at most nine tenths of 'every', so that each "
       "interval has "
       "its failure: wear begins in the first tenth"},
      {"life: 36h", "life: 55h",
       "types.yaml:20: types.pump.aging.seal.life must be at most nine tenths of 'every'"},
      {"life: 36h", "life: [1d, 2d]",
       "types.pump.aging.seal.life must be a time such as 20d, or {median: 20d, min: 5d, max: 50d}"},
      {"life: 36h", "life: 0", "types.pump.aging.seal.life must be 1s to 36525d, not '0'"},
      {"min: 5d", "min: 25d",
       "types.yaml:19: types.pump.aging.wear.life must rise from min over median to max, not 25d, 20d and "
       "50d"},
      {"max: 50d", "max: 10d", "types.pump.aging.wear.life must rise from min over median to max"},
      {"min: 5d, ", "", "types.pump.aging.wear.life needs median, min and max, as in"},
      {"min: 5d", "least: 5d", "types.pump.aging.wear.life takes median, min and max, not 'least'"},
      {"min: 5d", "min: soon", "types.pump.aging.wear.life min must be"},
      {"{flow: -3}", "{flaw: -3}",
       "types.yaml:20: types.pump.aging.seal.terms names 'flaw', which is no channel of the type (did you "
       "mean "
       "'flow'?)"},
      {"{flow: -3}", "{volume: 3}",
       "types.yaml:20: types.pump.aging.seal.terms must be of gauges; 'volume' is none"},
      {"{flow: -3}", "{power: 3}", "types.pump.aging.seal.terms must be of gauges; 'power' is none"},
      {"{flow: -3}", "{}", "types.pump.aging.seal.terms must not be empty"},
      {"{flow: -3}", "flow", "types.pump.aging.seal.terms must be a map of channels and what they change by"},
      {"{flow: -3}", "{flow: much}", "types.pump.aging.seal.terms of 'flow' must be a number"},
      {"vibration: 4.5", "vibration: -4.5",
       "types.yaml:19: types.pump.aging.wear.terms must be factors greater than 0 of channels with scale: "
       "log; "
       "vibration is -4.5"},
      {"vibration: 4.5", "vibration: 0", "must be factors greater than 0 of channels with scale: log"},
      {"then: stuck", "then: stick",
       "types.pump.aging.wear.then must be silent, stuck, not 'stick' (did you mean 'stuck'?)"},
      {"      seal: ", "      wear: ", "types.yaml:20: repeated key 'wear' (first on line 19)"},
      {"      seal: ", "      Wear: ",
       "types.yaml:20: types.pump.aging.Wear must differ from 'wear' in more than case"},
      {"      seal: ", "      drift: ",
       "types.yaml:20: types.pump.aging.drift needs another name: an anomaly type is called so"},
      {"      seal: ", "      Aging: ", "needs another name: an anomaly type is called so"},
      {"      seal: ", "      a-b: ", "types.pump.aging.'a-b' has a name that must be 1 to 63 letters"},
      {"      seal: ", "      a: 1\n      seal: ", "types.yaml:20: types.pump.aging.a must be a map"},
      {"    aging:\n",
       "    aging:\n      a: {every: 1d, life: 1h, terms: {flow: 1}}\n      b: {every: 1d, life: 1h, terms: "
       "{flow: 1}}\n"
       "      c: {every: 1d, life: 1h, terms: {flow: 1}}\n",
       "types.yaml:18: types.pump.aging must be at most 4, not 5"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.to);
    const std::string problems = read(with(one.from, one.to)).problems;
    CHECK_MESSAGE(contains(problems, one.problem), problems);
    CHECK(problems.size() < 1'000);
  }
  CHECK(read("types:\n  t:\n    channels: {c: {base: 1}}\n    aging: [1]\n").problems ==
        "types.yaml:4: types.t.aging must be a map");
}

TEST_CASE("wear counts in how far a channel can read") {
  const std::string text =
      "types:\n  t:\n    sources: {run: {kind: load, duty: 0.5}}\n"
      "    channels: {c: {base: 1e-12, scale: log, terms: {run: 1e15}}}\n    aging: {a: {every: 1d, life: "
      "1h, terms: {c: WORN}}}\n";
  const auto worn = [&](std::string_view factor) {
    std::string with_factor = text;
    return read(with_factor.replace(with_factor.find("WORN"), 4, factor)).problems;
  };
  CHECK(worn("2") == "");
  CHECK(worn("1e14") ==
        "types.yaml:4: types.t.channels.c could read more than a number can be; take factors nearer to 1, or "
        "less "
        "white");
}

TEST_CASE("what the built-in type is called keeps its channels, as gauges") {
  const std::string begin = "types: {temperature_vibration: {channels: {temperature: {base: 30}, vibration: ";
  CHECK(read(begin + "{base: 5}, voltage: {base: 12}}}}").problems == "");
  CHECK(read(begin + "{base: 5}, voltage: {kind: product, of: [temperature, vibration]}}}}").problems ==
        "types.yaml:1: types.temperature_vibration.channels.voltage must be a gauge, as it is in the "
        "built-in type of "
        "this name");
}

TEST_CASE("a limit may be open") {
  const ReadTypes open = read(with("range: [0, 80]", "range: [-.Inf, 80], rails: [-5, +.inf]"));
  REQUIRE(open.problems == "");
  const auto& flow = std::get<types::Gauge>(open.types.at("pump").signal.channels[1].kind);
  constexpr double infinite = std::numeric_limits<double>::infinity();
  CHECK(flow.range == types::Limits{-infinite, 80});
  CHECK(flow.rails == types::Limits{-5, infinite});
  CHECK(read(declare::types_text(open.types)).types == open.types);
}

TEST_CASE("a type has at most 16 channels, 8 noises and 4 loads, a config 64 types") {
  const auto declared = [](int noises, int loads, int channels) {
    std::string text = "types:\n  many:\n    sources:\n";
    for (int i = 0; i < noises; ++i) text += fmt::format("      n{}: {{kind: noise, from: 1s, to: 1h}}\n", i);
    for (int i = 0; i < loads; ++i) text += fmt::format("      l{}: {{kind: load, duty: 0.5}}\n", i);
    text += "    channels:\n";
    for (int i = 0; i < channels; ++i) text += fmt::format("      c{}: {{base: 1}}\n", i);
    return read(text).problems;
  };
  CHECK(declared(8, 4, 16) == "");
  CHECK(declared(9, 5, 16) ==
        "types.yaml:3: types.many.sources must not have more than 8 noises, not 9\n"
        "types.yaml:3: types.many.sources must not have more than 4 loads, not 5");
  CHECK(declared(33, 1, 17) ==
        "types.yaml:3: types.many.sources must be at most 32, not 34\n"
        "types.yaml:38: types.many.channels must be at most 16, not 17");
  CHECK(declared(0, 1, 0) == "types.yaml:2: types.many must have channels");

  std::string all = "types:\n";
  for (int i = 0; i < 65; ++i) all += "  t" + std::to_string(i) + ": {channels: {c: {base: 1}}}\n";
  CHECK(read(all).problems == "types.yaml:1: types must be at most 64, not 65");
}

// What goes into the middle of a text to see what becomes of it.
constexpr std::string_view fragments[] = {
    "0",   "-1", "1e300", "1e-300", ".inf", "~",      "{}",  "[]", "x: ",      "24h",      "100d",
    "log", "- ", ": ",    "state",  "load", "[1, 2]", "run", "\"", "\xff\xfe", "of: power"};

std::string mutated(std::uint64_t seed) {
  std::string text(pump);
  std::uint64_t draw = seed;
  const auto below = [&draw](std::size_t count) {
    draw = mix_words(draw, count);
    return static_cast<std::size_t>(draw % count);
  };
  for (std::size_t changes = 1 + below(3); changes > 0; --changes) {
    const std::size_t at = below(text.size());
    const std::size_t length = below(12);
    switch (below(3)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, fragments[below(std::size(fragments))]);
        break;
      default:
        text.replace(at, length, text.substr(below(text.size()), length));
        break;
    }
  }
  return text;
}

TEST_CASE("whatever is accepted reads back as it was, and can be computed") {
  std::size_t accepted = 0;
  for (std::uint64_t seed = 0; seed < 4'000; ++seed) {
    const std::string text = mutated(seed);
    CAPTURE(text);
    const ReadTypes declared = read(text);
    if (declared.problems != "" || declared.types.empty()) continue;
    ++accepted;
    const ReadTypes again = read(declare::types_text(declared.types));
    CHECK(again.problems == "");
    CHECK(again.types == declared.types);
    for (const auto& [name, type] : declared.types) {
      const sources::Signal signal(type.signal, {});
      const std::vector<std::uint64_t> shared = signal.sources().shared_keys(1, "hall", "site");
      const std::vector<double> deviates(signal.deviates(), 3.0);
      std::vector<double> values(signal.channels());
      signal.levels({sources::sensor_key(1, seed), shared}, 1'767'225'600'000'000, deviates, values);
      signal.read(values);
      CHECK(std::ranges::all_of(values, [](double value) { return std::isfinite(value); }));
    }
  }
  CHECK(accepted > 100);
}

TEST_CASE("types are refused when, written out, they are more than a recorded config holds") {
  std::string sources;
  std::string terms;
  for (int s = 0; s < 32; ++s) {
    const std::string name = "source_with_a_long_name_" + std::to_string(s);
    sources += (s > 0 ? ", " : "") + name + ": {kind: cycle, period: 1h}";
    terms += (s > 0 ? ", " : "") + name + ": 1.5";
  }
  std::string channels = "c0: {base: 1, terms: &terms {" + terms + "}}";
  for (int c = 1; c < 16; ++c) channels += ", c" + std::to_string(c) + ": {base: 1, terms: *terms}";
  std::string large =
      "types:\n  t0: {sources: &sources {" + sources + "}, channels: &channels {" + channels + "}}\n";
  for (int t = 1; t < 64; ++t)
    large += "  t" + std::to_string(t) + ": {sources: *sources, channels: *channels}\n";
  CHECK(large.size() < 20'000);
  CHECK(contains(read(large).problems,
                 "types.yaml:1: types must not need more than 524288 bytes together, not"));
}

}  // namespace fleet_sim::type_declarations_test
