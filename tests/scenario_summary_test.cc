// What `check` says of a scenario: the waves with whom they reach, and what is worth a note.
#include <doctest/doctest.h>

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/problems.h"
#include "config/load_config.h"
#include "preview/scenario_check.h"
#include "preview/scenario_summary.h"
#include "preview/sensors_met.h"
#include "support/rosters.h"
#include "timeline/plan.h"
#include "timeline/script.h"

namespace fleet_sim::scenario_summary_test {
namespace {

constexpr Timestamp start = 1'772'323'200 * microseconds_per_second;  // 2026-03-01

// Of 10 sensors that run for 30 days.
start::Inputs inputs_of(const std::string& entries) {
  start::Inputs inputs;
  Problems problems;
  inputs.config = config::read_config(
      "simulation: {seed: 7, run_time_seconds: 30d}\nclock: {start: 2026-03-01}\nscenario:\n" + entries,
      "c.yaml", problems);
  REQUIRE(problems.text() == "");
  inputs.identities.roster = test::roster_of(10);
  inputs.members = test::all_of(inputs.identities.roster);
  timeline::note_texts(inputs.identities.roster, inputs.config.scenario);
  return inputs;
}

preview::ScenarioSummary summary_of(const std::string& entries, std::uint64_t most_moments = 1'000) {
  return preview::summarize_scenario(inputs_of(entries), start, most_moments);
}

bool has_note(const preview::ScenarioSummary& summary, const std::string& note) {
  return std::ranges::find(summary.notes, note) != summary.notes.end();
}

}  // namespace

TEST_CASE("a scenario is followed to the end of the run, or as far as its bound") {
  const std::string daily = "  - {name: a, at: +1h, every: 1d, for: 1h, silence: true}\n";
  const preview::ScenarioSummary whole = summary_of(daily);
  CHECK_FALSE(whole.is_cut);
  CHECK(whole.until == start + 30 * microseconds_per_day);
  CHECK(whole.reached[0] == 300);
  CHECK(whole.waves.size() == 10);
  CHECK(whole.later[0].turns == 20);
  CHECK(whole.later[0].sensors == 200);
  const preview::ScenarioSummary cut = summary_of(daily, 25);
  CHECK(cut.is_cut);
  CHECK(cut.reached[0] == 25);
  CHECK(preview::timeline_text(cut).find("to 2026-03-03T01:00:00Z, which is as far as is worked out\n") !=
        std::string::npos);
}

TEST_CASE("what overlaps does the same to one sensor at a time") {
  const auto overlaps = [](const std::string& first, const std::string& second) {
    return summary_of("  - {name: a, at: +1h, for: 2h, " + first + "}\n  - {name: b, at: +2h, for: 2h, " +
                      second + "}\n")
        .overlaps;
  };
  const auto twice = overlaps("silence: true", "silence: true, where: {id: sensor-1}");
  REQUIRE(twice.size() == 1);
  CHECK(twice[0].first == 0);
  CHECK(twice[0].second == 1);
  CHECK(twice[0].sensors == 1);
  CHECK(overlaps("silence: true", "fault: {type: trend}").empty());
  CHECK(overlaps("add: {voltage: 1}", "add: {temperature: 1}").empty());
  CHECK(overlaps("add: {voltage: 1}", "add: {temperature: 1, voltage: 2}").size() == 1);
  CHECK(overlaps("fault: {type: trend}", "fault: {type: noise}").size() == 1);
  // What is set at one moment twice.
  const std::string sets =
      "  - {name: a, at: +1h, set: {model: A}}\n  - {name: b, at: +1h, set: {location: B, model: B}}\n";
  CHECK(has_note(
      summary_of(sets),
      "'b' sets the same of 10 sensors as 'a' at the same time, and counts, because it stands later"));
  CHECK(summary_of("  - {name: a, at: +1h, set: {model: A}}\n  - {name: b, at: +2h, set: {model: B}}\n")
            .overlaps.empty());
  CHECK(summary_of("  - {name: a, at: +1h, for: 1h, silence: true}\n"
                   "  - {name: b, at: +2h, for: 1h, silence: true}\n")
            .overlaps.empty());
}

TEST_CASE("an entry that reaches nobody says why") {
  const auto says = [](const std::string& entry, const std::string& note) {
    return has_note(summary_of("  - {name: a, leave: true, " + entry + "}\n"), "'a' " + note);
  };
  CHECK(says("at: +31d", "begins at 2026-04-01T00:00:00Z, after the end of the run"));
  CHECK(says("at: +1h, where: {id: 'X*'}", "meets no sensor: none has the id 'X*'"));
  CHECK(says("at: +1h, where: {location: Ofice}",
             "meets no sensor: none has the location 'Ofice' (did you mean 'Office'?)"));
  CHECK(says("at: +1h, where: {id: sensor-1, firmware_version: '7'}",
             "meets no sensor: none has the firmware_version '7'"));
  CHECK(has_note(
      summary_of("  - {name: u, at: +1h, where: {id: sensor-2}, set: {firmware_version: '7.0'}}\n"
                 "  - {name: a, at: +2h, where: {id: sensor-1, firmware_version: '7'}, leave: true}\n"),
      "'a' meets no sensor: none matches its `where` when it begins"));
  CHECK(says("at: +1h, waves: {0d: 0%}",
             "meets 10 sensors and reaches none of them: the shares of its waves come to none of so few"));
}

TEST_CASE("a value that no behavior knows is said, with the nearest one") {
  CHECK(has_note(summary_of("  - {name: a, at: +1h, set: {firmware_version: '2.0'}}\n"),
                 "'a' sets firmware '2.0', which matches no behavior: it changes no reading"));
  CHECK(
      has_note(summary_of("  - {name: a, at: +1h, set: {manufacturer: SensorTec}}\n"),
               "'a' sets manufacturer 'SensorTec', which matches no behavior: it changes no reading (did you "
               "mean 'SensorTech'?)"));
  CHECK(summary_of("  - {name: a, at: +1h, set: {firmware_version: 1.4.0, location: Factory Z}}\n")
            .notes.empty());
}

TEST_CASE("a scenario that no run could carry out is refused") {
  CHECK_THROWS_AS(summary_of("  - {name: a, at: 2026-02-01, leave: true}\n"), InvalidInput);
  const auto sharded_by = [](config::ShardKey key, const std::string& set) {
    start::Inputs inputs = inputs_of("  - {name: a, at: +1h, set: {" + set + "}}\n");
    inputs.config.sharding.key = key;
    preview::check_scenario_to_run(inputs, start);
  };
  CHECK_THROWS_AS(sharded_by(config::ShardKey::firmware, "firmware_version: 1.4"), InvalidInput);
  CHECK_THROWS_AS(sharded_by(config::ShardKey::site, "location: Hall"), InvalidInput);
  sharded_by(config::ShardKey::firmware, "model: B");
  sharded_by(config::ShardKey::hash, "firmware_version: 1.4");
}

TEST_CASE("the sensors that an entry meets are counted part by part, and counting can be ended in between") {
  constexpr std::uint64_t size = 100'000;
  identity::Roster roster = test::roster_of(size);
  scenario::Entries entries(1);
  entries[0].name = "off";
  entries[0].verb = scenario::Silence{};
  timeline::note_texts(roster, entries);
  const auto script =
      std::make_shared<const timeline::Script>(timeline::plan_of(entries, 0), roster, std::uint64_t{7});
  std::uint64_t asked = 0;
  std::uint64_t allowed = size;
  const auto met = [&] {
    asked = 0;
    return preview::sensors_met(script, 0, roster, test::all_of(roster), [&] { return ++asked <= allowed; });
  };
  CHECK(met() == size);
  const std::uint64_t parts = asked;
  CHECK(parts > 5);
  allowed = parts / 2;
  CHECK_FALSE(met());
}

TEST_CASE("texts that combine in more ways than a run keeps apart are refused") {
  const auto check = [](const std::string& set, int entries) {
    std::string text;
    for (int i = 0; i < entries; ++i)
      text +=
          fmt::format("  - {{name: a{0}, at: +1h, set: {{{1}}}}}\n", i, fmt::format(fmt::runtime(set), i));
    preview::check_scenario_to_run(inputs_of(text), start);
  };
  check("firmware_version: '{}'", 1'000);
  check("firmware_version: '{0}', model: '{0}'", 1'000);
  const auto by_turns = [&] {
    std::string text;
    for (int i = 0; i < 600; ++i)
      text += fmt::format("  - {{name: a{}, at: +1h, set: {{{}: '{}'}}}}\n", i,
                          i % 2 == 0 ? "model" : "location", i);
    preview::check_scenario_to_run(inputs_of(text), start);
  };
  CHECK_THROWS_AS(by_turns(), InvalidInput);
}

}  // namespace fleet_sim::scenario_summary_test
