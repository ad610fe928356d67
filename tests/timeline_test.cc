// When entries of a scenario reach sensors: what the words of an entry mean, that shares only grow, that
// counts are what shares promise, and that partitions, resumed runs and bounds of memory change nothing.
#include <doctest/doctest.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/problems.h"
#include "base/random.h"
#include "config/load_config.h"
#include "fleet/fleet.h"
#include "support/rosters.h"
#include "timeline/glob.h"
#include "timeline/reach.h"
#include "timeline/timeline.h"

namespace fleet_sim::timeline_test {
namespace {

using timeline::Moment;
using timeline::Timeline;

constexpr Microseconds second = microseconds_per_second;
constexpr Microseconds hour = 3'600 * second;
constexpr Microseconds day = microseconds_per_day;
constexpr Timestamp start = 1'772'323'200 * second;  // 2026-03-01
constexpr std::uint64_t seed = 7;

// Entries without their braces, one a line.
timeline::Plan plan_of(const std::vector<std::string>& entries) {
  std::string text = "scenario:\n";
  for (const std::string& entry : entries) text += "  - {" + entry + "}\n";
  Problems problems;
  const config::Config config = config::read_config(text, "c.yaml", problems);
  REQUIRE(problems.text() == "");
  return timeline::plan_of(config.scenario, start);
}

std::shared_ptr<const timeline::Script> script_of(const std::vector<std::string>& entries,
                                                  identity::Roster& roster) {
  timeline::Plan plan = plan_of(entries);
  for (const timeline::PlannedEntry& planned : plan) timeline::note_texts(roster, {planned.entry});
  return std::make_shared<const timeline::Script>(std::move(plan), roster, seed);
}

std::vector<Moment> all_moments(Timeline& timeline, Timestamp until = start + 365 * day) {
  std::vector<Moment> moments;
  while (const auto moment = timeline.next(until)) moments.push_back(*moment);
  return moments;
}

std::vector<Moment> moments_of(const std::vector<std::string>& entries, identity::Roster& roster,
                               Timestamp until = start + 365 * day) {
  const std::vector<std::uint32_t> members = test::all_of(roster);
  Timeline timeline(script_of(entries, roster), roster, members);
  return all_moments(timeline, until);
}

std::set<std::uint32_t> sensors_of(const std::vector<Moment>& moments, std::uint32_t entry = 0) {
  std::set<std::uint32_t> sensors;
  for (const Moment& moment : moments) {
    if (moment.entry == entry) sensors.insert(moment.sensor);
  }
  return sensors;
}

std::size_t count_until(const std::vector<Moment>& moments, Timestamp until) {
  return static_cast<std::size_t>(
      std::ranges::count_if(moments, [until](const Moment& moment) { return moment.at < until; }));
}

// Whether `hits` of `draws` is within five standard deviations of what the share promises.
bool fits(std::size_t hits, std::size_t draws, double share) {
  const auto n = static_cast<double>(draws);
  return std::abs(static_cast<double>(hits) - n * share) <= 5 * std::sqrt(n * share * (1 - share)) + 1e-9;
}

identity::IdentityRecord sensor(const std::string& id, const std::string& location,
                                const std::string& firmware = "1.3") {
  identity::IdentityRecord record = test::identity_of(id, location);
  record.firmware_version = firmware;
  return record;
}

identity::Roster mixed_roster(std::size_t count) {
  identity::Roster roster;
  for (std::size_t i = 0; i < count; ++i) {
    roster.add(sensor(fmt::format("{}_{}", i % 10 == 0 ? "NEW" : "S", i),
                      fmt::format("Site {} - Line {}", i % 4, i % 7), i % 3 == 0 ? "1.4" : "1.3.0"));
  }
  return roster;
}

// Everything at once, with several entries under way together.
const std::vector<std::string> busy{
    "name: rollout, at: +1h, where: {firmware_version: '1.3'}, set: {firmware_version: '1.4'}, waves: {0h: "
    "5%, "
    "4h: 30%, 2d: 100%}, spread: 3h, fails: 10%",
    "name: arrivals, at: +0s, where: {id: 'NEW_*'}, join: true, waves: {0d: 0%, 3d: 90%}, ramp: linear",
    "name: nightly, at: +6h, every: 1d, spread: 2h, where: {site: 'Site 1'}, for: 10m, silence: true",
    "name: rollback, at: +1d, where: {event: rollout, location: '*Line 3'}, set: {firmware_version: '1.3'}",
    "name: moved, at: +30h, where: {firmware_version: '1.4'}, set: {location: 'Site 9 - Line 1'}, spread: 1d",
    "name: gone, at: +2d, where: {site: 'Site 9'}, leave: true, waves: {0h: 50%}",
    "name: back, at: +3d, where: {event: gone}, join: true, spread: 5h"};

using Told = std::tuple<Timestamp, std::uint32_t, std::string, std::uint64_t, std::uint32_t, bool>;

std::vector<Told> told(const std::vector<Moment>& moments, identity::Roster& roster,
                       const std::vector<std::uint32_t>& members) {
  std::vector<Told> all;
  for (const Moment& moment : moments)
    all.emplace_back(moment.at, moment.entry, std::string(roster[members[moment.sensor]].id), moment.turn,
                     moment.wave, moment.fails);
  return all;
}

}  // namespace

TEST_CASE("globs match as a person expects") {
  using timeline::matches;
  CHECK(matches("", ""));
  CHECK(matches("*", ""));
  CHECK(matches("NEW_*", "NEW_"));
  CHECK(matches("NEW_*", "NEW_12"));
  CHECK_FALSE(matches("NEW_*", "OLD_NEW_1"));
  CHECK(matches("*NEW*", "OLD_NEW_1"));
  CHECK(matches("S?", "S1"));
  CHECK_FALSE(matches("S?", "S"));
  CHECK_FALSE(matches("S?", "S12"));
  CHECK(matches("Gr??e", "Größe"));
  CHECK(matches("*ß?", "Größe"));
  CHECK(matches("a*b*c", "aXbXbXc"));
  CHECK_FALSE(matches("a*b*c", "aXbXb"));
  CHECK_FALSE(matches("Outdoor", "outdoor"));
  CHECK_FALSE(matches(std::string(500, '*') + "b", std::string(1'000, 'a')));
  std::string hard;
  for (int i = 0; i < 300; ++i) hard += "a*";
  CHECK_FALSE(matches(hard + "b", std::string(1'000, 'a')));
}

TEST_CASE("an entry without waves reaches all its sensors at once") {
  identity::Roster roster = mixed_roster(100);
  const auto moments =
      moments_of({"name: a, at: +2h, for: 45m, where: {site: 'Site 2'}, silence: true"}, roster);
  REQUIRE(moments.size() == 25);
  for (const Moment& moment : moments) {
    CHECK(moment.at == start + 2 * hour);
    CHECK(moment.until == start + 2 * hour + 45 * 60 * second);
    CHECK(roster.text(roster[moment.sensor].location).starts_with("Site 2 - "));
  }
  CHECK(moments_of({"name: a, at: +2h, leave: true"}, roster, start + 2 * hour).empty());
  CHECK(moments_of({"name: a, at: +2h, leave: true"}, roster, start + 2 * hour + 1).size() == 100);
}

TEST_CASE("keys of where are all true, and firmware 1.3.0 is 1.3") {
  identity::Roster roster = mixed_roster(120);
  std::size_t expected = 0;
  for (std::size_t i = 0; i < 120; ++i) expected += i % 4 == 1 && i % 3 != 0 ? 1 : 0;
  CHECK(moments_of({"name: a, at: +1h, where: {site: '*1', firmware_version: '1.3'}, leave: true"}, roster)
            .size() == expected);
  CHECK(moments_of({"name: a, at: +1h, where: {id: 'S_1?', location: '*Line ?'}, leave: true"}, roster)
            .size() == 9);
  CHECK(moments_of({"name: a, at: +1h, where: {type: temperature_vibration, model: 'TempVibe-*', "
                    "manufacturer: S*}, leave: true"},
                   roster)
            .size() == 120);
  CHECK(moments_of({"name: a, at: +1h, where: {firmware_version: '1.3.*'}, leave: true"}, roster).size() ==
        80);
}

TEST_CASE("waves reach the shares they name, each sensor once") {
  identity::Roster roster = test::roster_of(20'000);
  const auto moments =
      moments_of({"name: a, at: +1h, set: {model: B}, waves: {0d: 1%, 1d: 10%, 4d: 60%}, fails: 2%"}, roster);
  CHECK(sensors_of(moments).size() == moments.size());
  std::map<std::uint32_t, std::size_t> by_wave;
  for (const Moment& moment : moments) ++by_wave[moment.wave];
  CHECK(fits(by_wave[0], 20'000, 0.01));
  CHECK(fits(by_wave[0] + by_wave[1], 20'000, 0.1));
  CHECK(fits(moments.size(), 20'000, 0.6));
  CHECK(fits(static_cast<std::size_t>(std::ranges::count_if(moments, &Moment::fails)), moments.size(), 0.02));
  CHECK(count_until(moments, start + hour + day) == by_wave[0]);
  CHECK(count_until(moments, start + hour + 4 * day) == by_wave[0] + by_wave[1]);
}

TEST_CASE(
    "which sensors come first, how late each is and where it fails have nothing to do with each other") {
  constexpr std::size_t sensors = 20'000;
  const timeline::Plan plan =
      plan_of({"name: a, at: +1h, every: 1d, set: {model: x}, waves: {0h: 30%}, spread: 1h, fails: 20%",
               "name: b, at: +1h, every: 1d, set: {model: x}, waves: {0h: 30%}, spread: 1h, fails: 20%"});
  // What may be so of a sensor, with its share.
  using Facts = std::vector<std::pair<bool, double>>;
  const auto facts_of = [](const timeline::Reach& reach, std::uint64_t sensor, std::uint64_t turn) -> Facts {
    const auto hit = reach.hit(sensor, turn);
    return {{hit.has_value(), 0.3}, {hit && hit->after < hour / 2, 0.15}, {reach.fails(sensor, turn), 0.2}};
  };
  for (const std::uint64_t seed : {0, 1, 7}) {
    const timeline::Reach a(plan[0].entry, seed), b(plan[1].entry, seed), other_seed(plan[0].entry, seed + 1);
    std::vector<Facts> all;
    for (std::uint64_t i = 0; i < sensors; ++i) {
      const std::uint64_t sensor = hash_text(fmt::format("S_{}", i));
      Facts& facts = all.emplace_back(facts_of(a, sensor, 0));
      const auto also = [&](const Facts& more) { facts.insert(facts.end(), more.begin(), more.end()); };
      also(facts_of(b, sensor, 0));
      also(facts_of(other_seed, sensor, 0));
      // Of the next turn, what is drawn anew.
      const auto hit = a.hit(sensor, 1);
      CHECK(hit.has_value() == facts[0].first);
      also({{hit && hit->after < hour / 2, 0.15}, {a.fails(sensor, 1), 0.2}});
    }
    for (std::size_t j = 0; j < all[0].size(); ++j) {
      for (std::size_t k = 0; k < j; ++k) {
        const auto both =
            std::ranges::count_if(all, [&](const Facts& facts) { return facts[j].first && facts[k].first; });
        double share = all[0][j].second * all[0][k].second;
        if (k == 0 && (j == 1 || j == 9)) share = 0.15;  // only those that are reached come early …
        if (k == 1 && j == 9) share = 0.075;             // … in any turn
        if ((k == 3 && j == 4) || (k == 6 && j == 7)) share = 0.15;
        CAPTURE(j);
        CAPTURE(k);
        CHECK(fits(static_cast<std::size_t>(both), sensors, share));
      }
    }
  }
}

TEST_CASE("a linear ramp and a spread reach sensors evenly") {
  const std::size_t sensors = 20'000;
  identity::Roster roster = test::roster_of(sensors);
  const auto ramp = moments_of(
      {"name: a, at: +0s, set: {model: B}, waves: {0d: 10%, 10d: 20%, 30d: 100%}, ramp: linear"}, roster);
  CHECK(ramp.size() == sensors);
  CHECK(fits(count_until(ramp, start + 1), sensors, 0.1));
  for (int d = 1; d <= 30; ++d) {
    CAPTURE(d);
    const double share = d <= 10 ? 0.1 + 0.01 * d : 0.2 + 0.04 * (d - 10);
    CHECK(fits(count_until(ramp, start + d * day), sensors, std::min(share, 1.0)));
  }
  const auto spread = moments_of({"name: a, at: +0s, set: {model: B}, spread: 10h"}, roster);
  CHECK(spread.size() == sensors);
  for (int h = 1; h < 10; ++h) CHECK(fits(count_until(spread, start + h * hour), sensors, 0.1 * h));
  CHECK(spread.back().at < start + 10 * hour);
}

TEST_CASE("shares only grow: sensors that come first with little come first with more") {
  identity::Roster roster = test::roster_of(5'000);
  const auto reached = [&](const std::string& waves) {
    return sensors_of(moments_of({"name: a, at: +1h, set: {model: B}, waves: " + waves}, roster));
  };
  const auto few = reached("{0d: 1%}");
  const auto more = reached("{0d: 10%}");
  const auto most = reached("{5d: 70%}");
  CHECK(few.size() > 20);
  CHECK(std::ranges::includes(more, few));
  CHECK(std::ranges::includes(most, more));
  const auto other = sensors_of(moments_of({"name: b, at: +1h, set: {model: B}, waves: {0d: 10%}"}, roster));
  CHECK_FALSE(std::ranges::includes(other, few));
}

TEST_CASE("an entry that comes again keeps its waves and draws its spread anew") {
  identity::Roster roster = test::roster_of(1'000);
  const auto moments =
      moments_of({"name: a, at: +1h, every: 10d, reset: [spike], waves: {0d: 10%, 2d: 50%}, spread: 5h"},
                 roster, start + 30 * day);
  std::map<std::uint64_t, std::map<std::uint32_t, Moment>> turns;
  for (const Moment& moment : moments) turns[moment.turn][moment.sensor] = moment;
  REQUIRE(turns.size() == 3);
  std::size_t same = 0;
  for (const auto& [sensor, first] : turns[0]) {
    REQUIRE(turns[1].contains(sensor));
    const Moment& second_turn = turns[1].at(sensor);
    CHECK(second_turn.wave == first.wave);
    same += second_turn.at - first.at == 10 * day ? 1 : 0;
  }
  CHECK(same == 0);
  CHECK(turns[0].size() == turns[1].size());
}

TEST_CASE("where is judged when an entry begins, after what earlier entries have done") {
  identity::Roster roster =
      test::roster_of({sensor("A", "Hall 1"), sensor("B", "Hall 2"), sensor("C", "Hall 2", "1.4")});
  const std::string upgrade =
      "name: up, at: +1h, where: {location: 'Hall 2', firmware_version: '1.3'}, set: {firmware_version: "
      "'2.0'}";
  const auto at_2 = [&](const std::string& at) {
    return sensors_of(
        moments_of({upgrade, "name: x, at: " + at + ", where: {firmware_version: '2.*'}, leave: true"},
                   roster),
        1);
  };
  CHECK(at_2("+2h") == std::set<std::uint32_t>{1});
  CHECK(at_2("+1h") == std::set<std::uint32_t>{1});  // in the order of the config
  CHECK(at_2("+59m").empty());
  // A move changes the site, too.
  CHECK(sensors_of(moments_of({"name: m, at: +1h, where: {id: A}, set: {location: 'Yard - 1'}",
                               "name: x, at: +2h, where: {site: Yard}, leave: true",
                               "name: y, at: +2h, where: {location: 'Hall 1'}, leave: true"},
                              roster),
                   1) == std::set<std::uint32_t>{0});
  // A sensor at which it fails keeps what it had.
  const auto failed = moments_of({"name: up, at: +1h, set: {firmware_version: '2.0'}, fails: 100%",
                                  "name: x, at: +2h, where: {firmware_version: '2.0'}, leave: true"},
                                 roster);
  CHECK(failed.size() == 3);
  CHECK(sensors_of(failed, 1).empty());
}

TEST_CASE("an entry that refers to another meets whom that has reached, and ends it") {
  identity::Roster roster = test::roster_of(2'000);
  const auto moments = moments_of(
      {"name: out, at: +0s, set: {firmware_version: '2'}, waves: {0d: 10%, 1d: 30%, 9d: 100%}, spread: 12h",
       "name: back, at: +30h, where: {event: out}, set: {firmware_version: '1.3'}, spread: 1h"},
      roster);
  const auto out = sensors_of(moments, 0);
  CHECK(out == sensors_of(moments, 1));
  for (const Moment& moment : moments) {
    if (moment.entry == 0) CHECK(moment.at <= start + 30 * hour);
  }
  CHECK(out.size() > 200);
  CHECK(out.size() < 620);
  // Begun at the same time, the first has reached everybody.
  CHECK(sensors_of(moments_of({"name: out, at: +1h, set: {model: B}",
                               "name: back, at: +1h, where: {event: out}, set: {model: A}"},
                              roster),
                   1)
            .size() == 2'000);
}

TEST_CASE("sensors that join are not there before, and those that left are met by nothing") {
  identity::Roster roster =
      test::roster_of({sensor("NEW_1", "Hall"), sensor("OLD_1", "Hall"), sensor("OLD_2", "Hall")});
  const std::vector<std::string> entries{"name: early, at: +1h, for: 1m, silence: true",
                                         "name: join, at: +2h, where: {id: 'NEW*'}, join: true",
                                         "name: gone, at: +3h, where: {id: OLD_1}, leave: true",
                                         "name: late, at: +4h, for: 1m, silence: true",
                                         "name: back, at: +5h, where: {id: '*_1'}, join: true",
                                         "name: last, at: +6h, for: 1m, silence: true"};
  const auto moments = moments_of(entries, roster);
  CHECK(sensors_of(moments, 0) == std::set<std::uint32_t>{1, 2});
  CHECK(sensors_of(moments, 1) == std::set<std::uint32_t>{0});
  CHECK(sensors_of(moments, 3) == std::set<std::uint32_t>{0, 2});
  CHECK(sensors_of(moments, 4) == std::set<std::uint32_t>{1});
  CHECK(sensors_of(moments, 5) == std::set<std::uint32_t>{0, 1, 2});
}

TEST_CASE("a sensor that joins after an entry has begun is not met by it") {
  identity::Roster roster = test::roster_of(10);
  const auto moments = moments_of({"name: up, at: +1h, set: {model: B}, waves: {2h: 100%}",
                                   "name: new, at: +2h, where: {id: sensor-3}, join: true"},
                                  roster);
  CHECK(sensors_of(moments, 0).size() == 9);
  CHECK_FALSE(sensors_of(moments, 0).contains(3));
}

TEST_CASE("a sensor that leaves before its moment is not reached") {
  identity::Roster roster = test::roster_of(10);
  const auto moments = moments_of({"name: up, at: +1h, set: {model: B}, waves: {1h: 100%}",
                                   "name: gone, at: +90m, where: {id: sensor-3}, leave: true"},
                                  roster);
  CHECK(sensors_of(moments, 0).size() == 9);
  CHECK_FALSE(sensors_of(moments, 0).contains(3));
}

TEST_CASE("moments come in the order of time, entry and sensor, and never before next_at") {
  identity::Roster roster = mixed_roster(3'000);
  const std::vector<std::uint32_t> members = test::all_of(roster);
  Timeline timeline(script_of(busy, roster), roster, members);
  std::tuple<Timestamp, std::uint32_t, std::uint32_t> last{0, 0, 0};
  std::size_t count = 0;
  for (;;) {
    const Timestamp announced = timeline.next_at();
    const auto moment = timeline.next(start + 10 * day);
    if (!moment) break;
    CHECK(announced <= moment->at);
    const std::tuple now(moment->at, moment->entry, moment->sensor);
    CHECK(last < now);
    last = now;
    ++count;
  }
  CHECK(count > 7'000);
  CHECK(timeline.next_at() >= start + 10 * day);
}

TEST_CASE("partitions have their sensors' part of what the whole fleet has") {
  identity::Roster roster = mixed_roster(2'000);
  const std::vector<std::uint32_t> members = test::all_of(roster);
  Timeline whole(script_of(busy, roster), roster, members);
  std::vector<Told> expected = told(all_moments(whole, start + 5 * day), roster, members);
  std::vector<Told> found;
  for (std::uint32_t part = 1; part <= 3; ++part) {
    const std::vector<std::uint32_t> some = fleet::partition_members(roster, {part, 3});
    Timeline timeline(script_of(busy, roster), roster, some);
    const auto moments = told(all_moments(timeline, start + 5 * day), roster, some);
    found.insert(found.end(), moments.begin(), moments.end());
  }
  std::ranges::sort(expected);
  std::ranges::sort(found);
  CHECK(found == expected);
}

TEST_CASE("how far moments are worked out ahead changes nothing") {
  identity::Roster roster = mixed_roster(2'000);
  const std::vector<std::uint32_t> members = test::all_of(roster);
  Timeline usual(script_of(busy, roster), roster, members);
  const std::vector<Told> expected = told(all_moments(usual, start + 5 * day), roster, members);
  for (const timeline::Ahead ahead :
       {timeline::Ahead{64, 3, 100}, timeline::Ahead{0, 1, 1}, timeline::Ahead{100'000, 10, 50}}) {
    Timeline timeline(script_of(busy, roster), roster, members, ahead);
    CHECK(told(all_moments(timeline, start + 5 * day), roster, members) == expected);
  }
}

TEST_CASE("a timeline that passes over the past goes on as one that did not stop") {
  identity::Roster roster = mixed_roster(2'000);
  const std::vector<std::uint32_t> members = test::all_of(roster);
  Timeline unbroken(script_of(busy, roster), roster, members);
  Timeline resumed(script_of(busy, roster), roster, members);
  const Timestamp stop = start + 31 * hour + 1'234'567;
  while (unbroken.next(stop)) {
  }
  while (resumed.next(start + 7 * hour)) {
  }
  while (resumed.next(stop)) {
  }
  for (std::uint32_t i = 0; i < members.size(); ++i) {
    CHECK(resumed.population().identity(i).firmware_version ==
          unbroken.population().identity(i).firmware_version);
    CHECK(resumed.population().is_there(i) == unbroken.population().is_there(i));
  }
  CHECK(told(all_moments(resumed), roster, members) == told(all_moments(unbroken), roster, members));
}

// Of some of the sensors, each as one of the timelines has left it.
timeline::Pasts pasts_of(const std::vector<std::pair<const Timeline*, std::uint32_t>>& places) {
  timeline::Pasts pasts;
  for (const auto& [timeline, place] : places) pasts.emplace_back(timeline->past_of(place));
  return pasts;
}

TEST_CASE("timelines go on with sensors as others have left them") {
  identity::Roster roster = mixed_roster(1'000);
  const std::vector<std::uint32_t> members = test::all_of(roster);
  const auto script = script_of(busy, roster);
  Timeline whole(script, roster, members);
  const std::vector<Told> expected = told(all_moments(whole, start + 12 * day), roster, members);
  for (const Timestamp stop : {start + 1, start + hour, start + 25 * hour + 7, start + 3 * day}) {
    std::vector<Told> found;
    // Two halves, which are dealt out anew at the stop.
    std::array<std::vector<std::uint32_t>, 2> halves;
    for (const std::uint32_t member : members) halves[member / 500].push_back(member);
    Timeline first(script, roster, halves[0], timeline::little_ahead);
    Timeline second(script, roster, halves[1], timeline::little_ahead);
    for (const auto& [timeline, half] : {std::pair(&first, &halves[0]), std::pair(&second, &halves[1])}) {
      const auto moments = told(all_moments(*timeline, stop), roster, *half);
      found.insert(found.end(), moments.begin(), moments.end());
    }
    for (const std::uint32_t odd : {0u, 1u}) {
      std::vector<std::uint32_t> some;
      std::vector<std::pair<const Timeline*, std::uint32_t>> places;
      for (const std::uint32_t member : members) {
        if (member % 2 != odd) continue;
        some.push_back(member);
        places.emplace_back(member < 500 ? &first : &second, member % 500);
      }
      Timeline later(script, roster, some, stop, pasts_of(places), timeline::little_ahead);
      const auto moments = told(all_moments(later, start + 12 * day), roster, some);
      found.insert(found.end(), moments.begin(), moments.end());
    }
    std::vector<Told> wanted = expected;
    std::ranges::sort(wanted);
    std::ranges::sort(found);
    CHECK(found == wanted);
  }
}

TEST_CASE("a sensor that comes later is met by what begins from then on") {
  identity::Roster roster = test::roster_of(3);
  const auto script =
      script_of({"name: a, at: +1h, set: {model: B}, waves: {5h: 100%}",
                 "name: b, at: +1h, where: {id: sensor-2}, join: true",
                 "name: c, at: +4h, where: {id: sensor-1}, join: true", "name: d, at: +6h, leave: true"},
                roster);
  Timeline before(script, roster, std::vector<std::uint32_t>{0});
  all_moments(before, start + 3 * hour);
  timeline::Pasts pasts(3);
  pasts[0] = before.past_of(0);
  Timeline later(script, roster, test::all_of(roster), start + 3 * hour, pasts);
  CHECK(later.population().is_there(2));
  CHECK_FALSE(later.population().is_there(1));
  const auto moments = all_moments(later);
  CHECK(sensors_of(moments, 0) == std::set<std::uint32_t>{0});
  CHECK(sensors_of(moments, 2) == std::set<std::uint32_t>{1});
  CHECK(sensors_of(moments, 3) == std::set<std::uint32_t>{0, 1, 2});
}

TEST_CASE("of another script, entries that were there go on, and those that would have begun are ignored") {
  identity::Roster roster = test::roster_of(500);
  const std::vector<std::uint32_t> members = test::all_of(roster);
  const auto was = script_of({"name: a, at: +1h, set: {model: B}, waves: {0h: 30%, 9h: 100%}",
                              "name: b, at: +2h, silence: true, waves: {9h: 100%}"},
                             roster);
  const timeline::Script wanted =
      *script_of({"name: new, at: +3h, leave: true", "name: c, at: +8h, leave: true",
                  "name: a, at: +1h, set: {model: B}, waves: {0h: 30%, 9h: 100%}",
                  "name: b, at: +2h, silence: true, waves: {8h: 100%}"},
                 roster);
  const auto is = std::make_shared<const timeline::Script>(wanted.after(*was, start + 5 * hour));
  CHECK(is->is_ignored(0));
  CHECK_FALSE(is->is_ignored(1));
  CHECK_FALSE(is->is_ignored(2));
  CHECK(is->is_ignored(3));
  CHECK(was->place_in(*is, 0) == 2);
  CHECK(was->place_in(*is, 1) == std::nullopt);
  // What was ignored once stays so.
  CHECK(wanted.after(*is, start + 6 * hour).is_ignored(0));
}

TEST_CASE("entries before the start, or before what they refer to, are problems") {
  const auto problems =
      timeline::problems_of(plan_of({"name: a, at: 2026-02-28, leave: true", "name: b, at: +2h, leave: true",
                                     "name: c, at: +1h, where: {event: b}, join: true"}),
                            start);
  REQUIRE(problems.size() == 2);
  CHECK(problems[0].entry == 0);
  CHECK(problems[0].text ==
        "at 2026-02-28T00:00:00Z is before the run starts, at 2026-03-01T00:00:00Z; give a "
        "later time, +TIME after the start, or an earlier --start");
  CHECK(problems[1].entry == 2);
  CHECK(problems[1].text == "at 2026-03-01T01:00:00Z is before 'b' begins, which `where` refers to");
}

TEST_CASE("a fleet without a scenario has a timeline that costs nothing") {
  identity::Roster roster = test::roster_of(10);
  const std::vector<std::uint32_t> members = test::all_of(roster);
  Timeline timeline(script_of({}, roster), roster, members);
  CHECK(timeline.next_at() == latest_timestamp);
  CHECK_FALSE(timeline.next(latest_timestamp).has_value());
}

}  // namespace fleet_sim::timeline_test
