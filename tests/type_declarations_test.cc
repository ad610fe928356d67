// Types as users declare them: what is read, what is refused and how, and that a type that is written reads
// back as it was.
#include <doctest/doctest.h>

#include <string>
#include <variant>

#include "base/problems.h"
#include "declare/declarations.h"

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
)";

// The pump with one text in the place of another.
std::string with(std::string_view from, std::string_view to) {
  std::string text(pump);
  const auto at = text.find(from);
  REQUIRE(at != text.npos);
  return text.replace(at, from.size(), to);
}

std::string problem_with(std::string_view from, std::string_view to) {
  const ReadTypes wrong = read(with(from, to));
  CHECK(wrong.types.empty());
  return wrong.problems;
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
  CHECK(problem_with("of: run, tau", "of: level, tau") ==
        "types.yaml:5: types.pump.sources.warm.of must name a load; 'level' is none");
  CHECK(contains(problem_with("{run: 48, level: 2", "{rum: 48, level: 2"),
                 "types.yaml:12: types.pump.channels.flow.terms names 'rum', which is no source of the type "
                 "(did you mean 'run'?)"));
  CHECK(contains(problem_with("tau: 2.5h", "tau: 4m"), "types.pump.sources.warm.tau must be at least 300"));
  CHECK(contains(problem_with("kind: noise, from", "kind: nose, from"), "(did you mean 'noise'?)"));
  CHECK(contains(problem_with("base: 2, white", "bass: 2, white"),
                 "unknown key 'types.pump.channels.suction.bass' (did you mean 'base'?)"));
  CHECK(contains(problem_with("base: 2, white", "white"), "must have 'base', as every gauge does"));
  CHECK(contains(problem_with("range: [0, 80]", "range: [1, 80]"),
                 "types.pump.channels.flow.range must contain the base 0"));
  CHECK(contains(problem_with("range: [0, 80]", "range: [80, 0]"), "must be a list of rising numbers"));
  CHECK(
      contains(problem_with("white: 0.3", "white: nan"), "types.pump.channels.flow.white must be a number"));
  CHECK(contains(problem_with("base: 0.3", "base: 0"), "must be greater than 0 with scale: log"));
  CHECK(contains(problem_with("rate: {run: 48}", "rate: {level: 48}"), "must be of loads; 'level' is none"));
  CHECK(contains(problem_with("rate: {run: 48}", "rate: {run: -1}"), "must be at least 0"));
  CHECK(contains(problem_with("per: 1h, resolution: 0.01", "per: 1ms, resolution: 1e-9"),
                 "would count beyond 2^53 steps"));
  CHECK(contains(problem_with("of: [suction, flow]", "of: [suction, power]"),
                 "types.pump.channels.power.of must not depend on the channel itself"));
  CHECK(contains(problem_with("      volume: ", "      location: "), "the name is reserved"));
  CHECK(contains(problem_with("      volume: ", "      select: "), "is a word of SQL"));
  CHECK(contains(problem_with("      volume: ", "      SUCTION: "), "appears twice"));
  CHECK(contains(problem_with("names: [stopped, running]", "names: [stopped]"), "must be a list of 2"));
  CHECK(contains(problem_with("unit: bar", "unit: " + std::string(33, 'x')),
                 "must not be longer than 32 bytes"));
  CHECK(
      contains(problem_with("unit: bar", "unit: " + std::string(10'000, 'x')), "channels.suction.unit must"));
  CHECK(contains(problem_with("Mon-Sat 06:00-22:00", "Mo-Sa 6-22"), "must be hours of the week such as"));
  CHECK(contains(problem_with("  pump:", "  2pump:"), "must be 1 to 63 letters"));
}

TEST_CASE("a type has at most 16 channels, 8 noises and 4 loads") {
  std::string many = "types:\n  many:\n    sources:\n";
  for (int i = 0; i < 9; ++i) many += "      n" + std::to_string(i) + ": {kind: noise, from: 1s, to: 1h}\n";
  for (int i = 0; i < 5; ++i) many += "      l" + std::to_string(i) + ": {kind: load, duty: 0.5}\n";
  many += "    channels:\n";
  for (int i = 0; i < 17; ++i) many += "      c" + std::to_string(i) + ": {base: 1}\n";
  const ReadTypes refused = read(many);
  CHECK(contains(refused.problems, "must not have more than 8 noises, not 9"));
  CHECK(contains(refused.problems, "must not have more than 4 loads, not 5"));
  CHECK(contains(refused.problems, "more than 16 channels"));
}

}  // namespace fleet_sim::type_declarations_test
