// What entries of a scenario do to the readings of a fleet, compared with the same fleet without them: with
// perfect delivery and without, each has its effect from its first slot on, however long nothing has happened
// before, and none after its end.
#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/problems.h"
#include "config/load_config.h"
#include "fleet/fleet.h"
#include "support/rosters.h"
#include "timeline/plan.h"
#include "timeline/script.h"

namespace fleet_sim::story_test {
namespace {

using namespace fleet_sim::test;

constexpr Microseconds second = microseconds_per_second;
constexpr Timestamp start = 1'772'323'200 * second;  // 2026-03-01
constexpr std::uint64_t seed = 7;
constexpr std::size_t sensors = 40;

using Key = std::pair<std::uint32_t, Timestamp>;  // a sensor, and when its reading was due

// Temperatures of the first 100 s, each sensor read once a second and without anomalies. Somebody looks at
// all of them at that moment.
std::map<Key, double> temperatures(const std::string& scenario, const scenario::Delivery& delivery,
                                   Timestamp looked_at = earliest_timestamp) {
  Problems problems;
  config::Config config = config::read_config("anomalies: {probability: 0}\n" + scenario, "c.yaml", problems);
  REQUIRE(problems.text() == "");
  config.delivery = delivery;
  identity::Roster roster = roster_of(sensors);
  const std::vector<std::uint32_t> members = all_of(roster);
  fleet::Fleet fleet =
      fleet::build_fleet(roster, members, std::vector<std::uint32_t>(members.size(), 0), config, seed, start);
  timeline::note_texts(roster, config.scenario);
  if (!config.scenario.empty())
    fleet.follow(
        std::make_shared<const timeline::Script>(timeline::plan_of(config.scenario, start), roster, seed));
  std::map<Key, double> temperatures;
  batch::Batch batch;
  for (fleet::Cohort& cohort : fleet.cohorts()) {
    for (const Timestamp until : {looked_at, start + 100 * second}) {
      while (cohort.next_due() < until) {
        cohort.tick(until, batch);
        for (const batch::Row& row : batch.readings)
          temperatures.emplace(Key(row.sensor, row.due), row.values[0]);
        batch.clear();
      }
      for (const std::uint32_t member : members) static_cast<void>(cohort.find(hash_text(roster[member].id)));
    }
  }
  return temperatures;
}

void check_effects(const scenario::Delivery& delivery) {
  const std::map<Key, double> undisturbed = temperatures("", delivery);
  const std::map<Key, double> told = temperatures(
      "scenario:\n"
      "  - {name: power, at: +20s, for: 10s, silence: true}\n"
      "  - {name: heat, at: +50s, for: 10s, add: {temperature: 3}}\n"
      "  - {name: retired, at: +80s, leave: true, where: {id: sensor-1*}}\n",
      delivery);
  CHECK(undisturbed.size() == 100 * sensors);
  std::set<std::uint32_t> left;
  std::size_t wrong = 0, silent = 0, warmer = 0;
  for (const auto& [key, temperature] : undisturbed) {
    const Microseconds since = key.second - start;
    const bool is_silent = since >= 20 * second && since < 30 * second;
    const bool is_warmer = since >= 50 * second && since < 60 * second;
    const auto row = told.find(key);
    if (row == told.end()) {
      if (since >= 80 * second) {
        left.insert(key.first);
      } else {
        silent += is_silent;
        wrong += !is_silent;
      }
      continue;
    }
    const double expected = temperature + (is_warmer ? 3 : 0);
    warmer += is_warmer && row->second > temperature;
    wrong += is_silent || left.contains(key.first) || std::abs(row->second - expected) > 1e-9;
  }
  CHECK(wrong == 0);
  CHECK(silent == 10 * sensors);
  CHECK(warmer == 10 * sensors);
  CHECK(left.size() == 11);  // sensor-1, and sensor-10 to sensor-19
}

}  // namespace

TEST_CASE("entries have their effect from the next slot of a sensor on, and none after their end") {
  check_effects({});
}

TEST_CASE("entries have the same effect where delivery is imperfect") {
  check_effects({.jitter = 5'000});
}

TEST_CASE("looking at sensors changes nothing, also where what is added ends before they are read again") {
  const std::string scenario =
      "scenario:\n"
      "  - {name: heat, at: +5s, for: 5900ms, add: {temperature: 30}}\n"
      "  - {name: jam, at: +10.8s, for: 20s, fault: {type: stuck, channel: temperature}}\n";
  const std::map<Key, double> unseen = temperatures(scenario, {});
  std::set<double> stuck;  // values at 20 s
  for (const auto& [key, temperature] : unseen) {
    if (key.second >= start + 20 * second && key.second < start + 21 * second) stuck.insert(temperature);
  }
  CHECK(*stuck.begin() > 40);  // while it was hot
  CHECK(temperatures(scenario, {}, start + 10 * second + second / 2) == unseen);
}

TEST_CASE("an entry about delivery has its effect from the next slot of a sensor on") {
  const scenario::Delivery delivery{.jitter = 5'000};
  const std::map<Key, double> rows = temperatures(
      "scenario:\n"
      "  - {name: radio, at: +40s, for: 10s, deliver: {drop: 100%}}\n",
      delivery);
  std::size_t inside = 0;
  for (const auto& [key, temperature] : rows)
    inside += key.second >= start + 40 * second && key.second < start + 50 * second;
  CHECK(rows.size() == 90 * sensors);
  CHECK(inside == 0);
}

TEST_CASE("when an entry about delivery ends, one that began before it and lasts longer counts again") {
  const std::map<Key, double> rows = temperatures(
      "scenario:\n"
      "  - {name: radio, at: +20s, for: 60s, deliver: {drop: 100%}}\n"
      "  - {name: relay, at: +40s, for: 20s, deliver: {jitter: 1ms}}\n"
      "  - {name: hiccup, at: +45s, for: 1s, deliver: {drop: 100%}}\n"
      "  - {name: storm, at: +75s, for: 10s, deliver: {drop: 100%}}\n",
      {.jitter = 5'000});
  std::map<Microseconds, std::size_t> in_second;
  for (const auto& [key, temperature] : rows) ++in_second[(key.second - start) / second];
  for (Microseconds since = 0; since < 100; ++since) {
    const bool is_dropped = (since >= 20 && since < 40) || since == 45 || (since >= 60 && since < 85);
    CHECK(in_second[since] == (is_dropped ? 0 : sensors));
  }
}

}  // namespace fleet_sim::story_test
