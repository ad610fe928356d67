// The scenario of a config: what is read, what is refused and how, that it is written back as it was, and
// what several files say together.
#include <doctest/doctest.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/anomaly_types.h"
#include "base/problems.h"
#include "base/random.h"
#include "config/config_changes.h"
#include "config/load_config.h"
#include "scenario/fields.h"
#include "scenario/scenario.h"
#include "support/temporary_folder.h"

namespace fleet_sim::scenario_config_test {
namespace {

constexpr Microseconds second = microseconds_per_second;
constexpr Microseconds hour = 3'600 * second;
constexpr Microseconds day = microseconds_per_day;

struct Read {
  config::Config config;
  std::string problems;
};

Read read(const std::string& text) {
  Read found;
  Problems problems;
  found.config = config::read_config(text, "c.yaml", problems);
  found.problems = problems.text();
  return found;
}

// Of a scenario of one entry, written without its braces.
std::string problems_of(const std::string& entry) {
  return read("scenario:\n  - {" + entry + "}\n").problems;
}

constexpr std::string_view every_verb = R"(types:
  pump: {channels: {bearing: {base: 30, white: 1}, volume: {kind: counter, per: 1h, resolution: 1, base: 2}}}
scenario:
  - {name: rollout, at: 2026-03-01T02:00Z, where: {firmware_version: "1.3"}, set: {firmware_version: "1.4"}, waves: {0d: 1%, 1d: 10%, 4d: 100%}, spread: 4h, silent_for: 90s, fails: 2%}
  - {name: rollback, at: 2026-03-03T12:00+02:00, where: {event: rollout}, set: {firmware_version: "1.3"}, spread: 1h}
  - {name: blackout, at: 2026-03-08T10:00:00.25Z, for: 45m, where: {site: "Factory A"}, silence: true}
  - {name: arrivals, at: 2026-03-01, where: {id: "NEW_*"}, join: true, waves: {0d: 0%, 30d: 100%}, ramp: linear}
  - {name: service, at: 2026-03-15, every: 30d, spread: 5d, where: {type: pump}, reset: [trend, spike], silent_for: 1h}
  - {name: heat, at: 2026-07-01, for: 4d, fade: 12h, where: {location: "Outdoor*"}, add: {temperature: 6, bearing: -1.5}}
  - {name: "bearing 7", at: +2h, for: 20m, where: {id: PUMP_7}, fault: {type: trend, channel: bearing, severity: 4}}
  - {name: partition, at: 2026-03-20T08:00Z, for: 2h, where: {manufacturer: "S*", model: "?"}, deliver: {hold: true, drain: 3}}
  - {name: radio, at: +0s, deliver: {drop: 0.1%, late: {share: 1%, median: 8s}, duplicate: 0.03%, jitter: 20ms}}
  - {name: end, at: +1w, leave: yes}
)";

}  // namespace

TEST_CASE("an entry is what its YAML says") {
  const Read found = read(std::string(every_verb));
  REQUIRE(found.problems == "");
  const scenario::Entries& entries = found.config.scenario;
  REQUIRE(entries.size() == 10);

  const scenario::Entry& rollout = entries[0];
  CHECK(rollout.name == "rollout");
  CHECK(rollout.at == scenario::Beginning{false, *parse_timestamp("2026-03-01T02:00Z")});
  CHECK(rollout.where.firmware_version == "1.3");
  CHECK(rollout.waves == std::vector<scenario::Wave>{{0, 0.01}, {day, 0.1}, {4 * day, 1}});
  CHECK(rollout.spread == 4 * hour);
  CHECK(rollout.silent_for == 90 * second);
  CHECK(rollout.fails == 0.02);
  CHECK(std::get<scenario::Set>(rollout.verb).firmware_version == "1.4");
  CHECK(entries[1].where.event == "rollout");
  CHECK(entries[1].at.time == *parse_timestamp("2026-03-03T10:00Z"));
  CHECK(entries[2].duration == 45 * 60 * second);
  CHECK(std::holds_alternative<scenario::Silence>(entries[2].verb));
  CHECK(entries[3].ramp == scenario::Ramp::linear);
  CHECK(std::holds_alternative<scenario::Join>(entries[3].verb));
  CHECK(entries[4].every == 30 * day);
  CHECK(std::get<scenario::Reset>(entries[4].verb).what == std::vector<std::string>{"trend", "spike"});
  CHECK(entries[5].fade == 12 * hour);
  CHECK(std::get<scenario::Add>(entries[5].verb).channels.at("bearing") == -1.5);
  CHECK(entries[6].at == scenario::Beginning{true, 2 * hour});
  const auto& fault = std::get<scenario::Fault>(entries[6].verb);
  CHECK(fault.type == AnomalyType::trend);
  CHECK(fault.channel == "bearing");
  CHECK(fault.severity == 4);
  const auto& hold = std::get<scenario::Deliver>(entries[7].verb);
  CHECK(hold.hold);
  CHECK(hold.drain == 3);
  const auto& radio = std::get<scenario::Deliver>(entries[8].verb);
  CHECK(radio.drop.value() == doctest::Approx(0.001));
  CHECK(!hold.drop);
  CHECK(radio.late == scenario::Late{0.01, 8 * second});
  CHECK(radio.jitter == 20'000);
  CHECK(std::holds_alternative<scenario::Leave>(entries[9].verb));
}

TEST_CASE("a scenario reads back from its text, and decides what is read") {
  const Read found = read(std::string(every_verb));
  const std::string text = config::config_text(found.config);
  const Read again = read(text);
  CHECK(again.problems == "");
  CHECK(again.config == found.config);
  CHECK(config::config_text(again.config) == text);
  CHECK(scenario::entry_text(found.config.scenario[0]) ==
        "{name: rollout, at: 2026-03-01T02:00:00Z, where: {firmware_version: 1.3}, waves: {0s: 1%, 1d: "
        "10%, 4d: 100%}, spread: 4h, silent_for: 90s, fails: 2%, set: {firmware_version: 1.4}}");
  config::Config without = found.config;
  without.scenario.pop_back();
  CHECK(config::readings_config_text(found.config) != config::readings_config_text(without));
  CHECK(config::config_text({}).find("scenario") == std::string::npos);
}

TEST_CASE("an entry has one verb, and only keys that go with it") {
  CHECK(problems_of("name: a, at: +1h, silence: true") == "");
  CHECK(problems_of("name: a, at: +1h") ==
        "c.yaml:2: scenario.a must have a verb: set, silence, add, reset, fault, deliver, join, leave");
  CHECK(problems_of("name: a, at: +1h, silence: true, leave: true") ==
        "c.yaml:2: scenario.a must have one verb, not both silence and leave; make two entries of it");
  CHECK(problems_of("name: a, at: +1h, silense: true")
            .starts_with("c.yaml:2: unknown key 'scenario.a.silense' (did you mean 'silence'?)"));
  CHECK(problems_of("name: a, at: +1h, silence: false") ==
        "c.yaml:2: scenario.a.silence must be true, not 'false'");
  CHECK(problems_of("name: a, at: +1h, fade: 1m, for: 5m, silence: true") ==
        "c.yaml:2: scenario.a.fade goes with add only, not with silence; remove it");
  CHECK(problems_of("name: a, at: +1h, for: 5m, leave: true") ==
        "c.yaml:2: scenario.a.for goes with silence, add, fault, deliver only, not with leave; remove it");
  CHECK(problems_of("name: a, at: +1h, set: {}") ==
        "c.yaml:2: scenario.a.set must name what is set: location, manufacturer, model or firmware_version");
  CHECK(problems_of("name: a, at: +1h, set: {firmware: 2}") ==
        "c.yaml:2: unknown key 'scenario.a.set.firmware'; it takes location, manufacturer, model, "
        "firmware_version");
  CHECK(
      problems_of("name: a, at: +1h, reset: [wear]") ==
      "c.yaml:2: scenario.a.reset names 'wear', which is no type of anomaly, and no aging of these sensors");
  CHECK(problems_of("name: a, at: +1h, fault: {type: spyke}") ==
        fmt::format("c.yaml:2: scenario.a.fault.type must be {}, not 'spyke' (did you mean 'spike'?)",
                    fmt::join(drawn_anomaly_type_names, ", ")));
  CHECK(problems_of("name: a, at: +1h, fault: {channel: voltage}") ==
        "c.yaml:2: scenario.a.fault must have 'type'");
  CHECK(problems_of("name: a, at: +1h, fault: {type: missing_data, channel: voltage}") ==
        "c.yaml:2: scenario.a.fault must not name a channel, because missing_data affects more than one; "
        "remove it");
  CHECK(problems_of("name: a, at: +1h, fault: drift") ==
        "c.yaml:2: scenario.a.fault must be a map with type, channel, severity");
  // What follows from a mistake is not another.
  CHECK(problems_of("name: a, at: +1h, deliver: {late: 3s}") ==
        "c.yaml:2: scenario.a.deliver.late must be a map with share, median");
  CHECK(problems_of("name: a, at: +1h, deliver: {late: {share: 0}, jitter: 0s}") == "");
  CHECK(problems_of("name: a, at: +1h, deliver: {late: {share: 1%}}") ==
        "c.yaml:2: scenario.a.deliver has a late.share above 0, so it must have late.median too, such as 8s");
  CHECK(problems_of("name: a, at: +1h, deliver: {drain: 3}") ==
        "c.yaml:2: scenario.a.deliver must say how rows arrive: drop, late, duplicate, jitter or hold");
  CHECK(problems_of("name: a, at: +1h, deliver: {drop: 1%, drain: 3}") ==
        "c.yaml:2: scenario.a.deliver has drain, which needs hold: true");
}

TEST_CASE("times, shares and spans that cannot be are refused") {
  const auto with = [](const std::string& keys) { return problems_of("name: a, set: {model: B}, " + keys); };
  CHECK(with("at: tomorrow") ==
        "c.yaml:2: scenario.a.at must be a time such as 2026-01-31 or 2026-01-31T12:30:05Z, not 'tomorrow'");
  CHECK(with("at: 2h") ==
        "c.yaml:2: scenario.a.at must be a time such as 2026-01-31T12:30, or +2h for 2 hours "
        "after the run's start, not '2h'");
  CHECK(with("at: +-2h") != "");
  CHECK(with("at: 2026-02-30") == "c.yaml:2: scenario.a.at must be a calendar date, not '2026-02-30'");
  CHECK(with("every: 1h") == "c.yaml:2: scenario.a must have 'at'");
  const auto later = [&](const std::string& keys) { return with("at: +1h, " + keys); };
  CHECK(later("spread: -4h") != "");
  CHECK(later("spread: 36526d") == "c.yaml:2: scenario.a.spread must be 0s to 36525d, not '36526d'");
  CHECK(later("every: 1s") == "c.yaml:2: scenario.a.every must be 1m to 36525d, not '1s'");
  CHECK(later("fails: 101%") ==
        "c.yaml:2: scenario.a.fails must be a share from 0% to 100%, or 0 to 1, not '101%'");
  CHECK(later("fails: -0.1") != "");
  CHECK(later("waves: {0d: 1%, 1d: 110%}") ==
        "c.yaml:2: scenario.a.waves after '1d' must be a share from 0% to 100%, or 0 to 1, not '110%'");
  CHECK(
      later("waves: {0d: 10%, 1d: 5%}") ==
      "c.yaml:2: scenario.a.waves must have shares that do not fall, because they count all sensors reached "
      "so far; '5%' follows 10%");
  CHECK(later("waves: {1d: 10%, 24h: 50%}") ==
        "c.yaml:2: scenario.a.waves must have delays that rise; '24h' follows 1d");
  CHECK(later("waves: {-1d: 10%}") != "");
  CHECK(later("waves: [1, 2]") ==
        "c.yaml:2: scenario.a.waves must be a map of delays and the share reached by "
        "then, such as {0d: 1%, 1d: 100%}");
  CHECK(later("ramp: linear") ==
        "c.yaml:2: scenario.a.ramp needs two waves or more, such as {0d: 0%, 30d: 100%}");
  CHECK(
      later("every: 1d, waves: {0d: 1%, 1d: 2%}, spread: 1h") ==
      "c.yaml:2: scenario.a.every must be at least 25h, which is how long it takes: waves, spread and 'for'");
  CHECK(problems_of("name: a, at: +1h, for: 1h, fade: 31m, add: {voltage: 1}") ==
        "c.yaml:2: scenario.a.fade must be at most half of 'for', 1h");
  CHECK(problems_of("name: a, at: +1h, every: 1d, join: true") ==
        "c.yaml:2: scenario.a.every cannot go with join, which happens once");
}

TEST_CASE("entries have names of their own, and follow only those before them") {
  const auto two = [](const std::string& first, const std::string& second_entry) {
    return read("scenario:\n  - {at: +1h, leave: true, " + first + "}\n  - {at: +2h, join: true, " +
                second_entry + "}\n")
        .problems;
  };
  CHECK(two("name: a", "name: b, where: {event: a}") == "");
  CHECK(two("name: a", "at: +1h") != "");
  CHECK(problems_of("at: +1h, leave: true") == "c.yaml:2: scenario entry 1 must have 'name'");
  CHECK(problems_of("name: '', at: +1h, leave: true") == "c.yaml:2: scenario.''.name must not be empty");
  CHECK(two("name: a", "name: a") ==
        "c.yaml:3: scenario.a has the name of the entry on line 2; give it another");
  CHECK(two("name: a", "name: b, where: {event: zzz}") ==
        "c.yaml:3: scenario.b.where.event names 'zzz', but there is no entry of that name before it");
  CHECK(
      two("name: first", "name: b, where: {event: frist}") ==
      "c.yaml:3: scenario.b.where.event names 'frist', but there is no entry of that name before it (did you "
      "mean 'first'?)");
  CHECK(two("name: a, where: {event: b}", "name: b") ==
        "c.yaml:2: scenario.a.where.event names 'b', which comes later, on line 3; put it before this entry");
  CHECK(two("name: a, where: {event: a}", "name: b") ==
        "c.yaml:2: scenario.a.where.event names the entry itself; name one before it");
  CHECK(read("scenario:\n  - &x {name: a, at: +1h, leave: true}\n  - *x\n").problems ==
        "c.yaml:2: scenario.a stands there twice, perhaps with an alias; give each a name of its own");
  CHECK(two("name: a, where: {event: b, sitee: x}", "name: b")
            .find("unknown key 'scenario.a.where.sitee' (did "
                  "you mean 'site'?)") != std::string::npos);
  CHECK(read("scenario: {a: 1}\n").problems ==
        "c.yaml:1: scenario must be a list of entries such as - {name: outage, at: +1h, for: 10m, silence: "
        "true}");
  CHECK(read("scenario: [5]\n").problems.starts_with("c.yaml:1: scenario entry 1 must be a map such as"));
}

TEST_CASE("channels are those of the types that an entry can meet") {
  const std::string pump =
      "types: {pump: {channels: {bearing: {base: 30}, volume: {kind: counter, per: 1h, resolution: 1, base: "
      "2}}}}\nscenario:\n  - {name: a, at: +1h, ";
  const auto with = [&](const std::string& keys) { return read(pump + keys + "}\n").problems; };
  CHECK(with("add: {bearing: 1}") == "");
  CHECK(with("add: {temperature: 1}") == "");
  CHECK(with("where: {type: pump}, add: {temperature: 1}") ==
        "c.yaml:3: scenario.a.add names 'temperature', which is no channel of these sensors");
  CHECK(with("where: {type: 'p*'}, add: {temperature: 1}") == "");
  CHECK(with("add: {baering: 1}") ==
        "c.yaml:3: scenario.a.add names 'baering', which is no channel of these "
        "sensors (did you mean 'bearing'?)");
  CHECK(with("add: {volume: 1}") ==
        "c.yaml:3: scenario.a.add names 'volume', which is no gauge; only gauges can be added to");
  CHECK(with("fault: {type: trend, channel: bear}")
            .starts_with("c.yaml:3: scenario.a.fault.channel names 'bear', which is no channel"));
}

TEST_CASE("files add to a scenario, and a scenario of files takes the place of a recorded one") {
  const test::TemporaryFolder folder;
  const auto file = [&](const std::string& name, const std::string& text) {
    std::ofstream(folder.path() / name) << text;
    return folder.path() / name;
  };
  const auto first = file("a.yaml", "scenario: [{name: a, at: +1h, leave: true}]\n");
  const auto then = file("b.yaml",
                         "types: {hall: {channels: {light: {base: 300}}}}\n"
                         "scenario:\n  - {name: b, at: +2h, where: {event: a}, join: true}\n");
  const auto empty = file("c.yaml", "scenario:\n");
  const auto again = file("d.yaml", "\nscenario: [{name: a, at: +3h, leave: true}]\n");
  const auto names_of = [](const std::vector<std::filesystem::path>& files, const config::Config& defaults,
                           std::string* problems_text, config::Origins* origins) {
    Problems problems;
    std::string names;
    for (const auto& entry : config::load_config(files, {}, {}, problems, defaults, origins).scenario)
      names += entry.name;
    if (problems_text != nullptr) *problems_text = problems.text();
    return names;
  };
  std::string problems;
  config::Origins origins;
  CHECK(names_of({first, then, empty}, {}, &problems, &origins) == "ab");
  CHECK(problems == "");
  CHECK(origins.find("scenario.b")->second.place == then.string() + ":3");
  names_of({first, again}, {}, &problems, nullptr);
  CHECK(problems ==
        again.string() + ":2: scenario.a has the name of an entry that is there already; give it another");

  const config::Config recorded = read("scenario: [{name: r, at: +1h, leave: true}]\n").config;
  CHECK(names_of({}, recorded, &problems, nullptr) == "r");
  CHECK(names_of({empty}, recorded, &problems, nullptr) == "r");
  CHECK(names_of({first}, recorded, &problems, nullptr) == "a");
  CHECK(problems == "");
}

TEST_CASE("entries that came by a request stay behind those of files") {
  const test::TemporaryFolder folder;
  const auto load = [&](const std::string& text, const config::Config& recorded, std::string& wrong) {
    const std::filesystem::path file = folder.path() / "c.yaml";
    std::ofstream(file) << text;
    Problems problems;
    const config::Config config = config::load_config(std::span(&file, 1), {}, {}, problems, recorded);
    wrong = problems.text();
    return config.scenario;
  };
  config::Config recorded =
      read(
          "scenario: [{name: a, at: +1h, leave: true}, {name: b, at: +1h, silence: true}]\n"
          "")
          .config;
  scenario::Entries entries = recorded.scenario;
  entries[1].where.event = "a";
  entries[1].added.by_request = true;
  CHECK(entries[1] == entries[1]);
  const std::string text = scenario::scenario_text(entries);
  CHECK(text.find("  - {name: b, at: +1h, where: {event: a}, added: true, silence: true}\n") !=
        std::string::npos);
  recorded = read(text).config;
  CHECK(recorded.scenario[1].added.by_request);
  CHECK(scenario::scenario_text(recorded.scenario) == text);
  std::string wrong;
  CHECK(
      load("scenario: [{name: c, at: +1h, leave: true}, {name: a, at: +2h, leave: true}]\n", recorded, wrong)
          .size() == 3);
  CHECK(wrong == "");
  // An entry of its name takes its place, and is the same if it says the same.
  const scenario::Entries same = load(
      "scenario: [{name: a, at: +1h, leave: true}, {name: b, at: +1h, where: {event: a}, silence: true}]\n",
      recorded, wrong);
  CHECK(same == recorded.scenario);
  CHECK_FALSE(same[1].added.by_request);
  load("scenario: [{name: c, at: +1h, leave: true}]\n", recorded, wrong);
  CHECK(wrong.find("scenario.b.where.event names 'a', but there is no entry of that name anymore") !=
        std::string::npos);
}

TEST_CASE("a changed scenario is a change of each entry, and applies to a running fleet at once") {
  const config::Config from = read(
                                  "scenario:\n  - {name: a, at: +1h, leave: true}\n"
                                  "  - {name: b, at: +2h, join: true}\n")
                                  .config;
  const config::Config to = read(
                                "scenario:\n  - {name: c, at: +1h, leave: true}\n"
                                "  - {name: b, at: +3h, join: true}\n")
                                .config;
  std::vector<std::string> changes;
  for (const config::ConfigChange& change : config::config_changes(from, to)) {
    changes.push_back(config::change_text(change));
    CHECK(change.at_once);
  }
  CHECK(changes == std::vector<std::string>{
                       "scenario.c none -> {name: c, at: +1h, leave: true}",
                       "scenario.b {name: b, at: +2h, join: true} -> {name: b, at: +3h, join: true}",
                       "scenario.a {name: a, at: +1h, leave: true} -> none"});
  CHECK(config::config_changes(from, from).empty());
  CHECK(config::adopt(from, to).scenario == to.scenario);
}

TEST_CASE("a scenario that is too long is refused at once") {
  std::string many = "scenario:\n";
  for (std::size_t i = 0; i <= scenario::most_entries; ++i) many += fmt::format("- {{name: e{}}}\n", i);
  CHECK(read(many).problems ==
        "c.yaml:1: scenario must not have more than 5000 entries, not 5001; one can meet many sensors, and "
        "begin again with every");
  std::string large = "scenario:\n";
  for (int i = 0; i < 500; ++i)
    large +=
        fmt::format("- {{name: e{}, at: +1h, where: {{id: {}}}, leave: true}}\n", i, std::string(1'000, 'x'));
  CHECK(read(large).problems.starts_with("c.yaml:1: scenario must not need more than 393216 bytes, not 5"));
  std::string huge = "scenario:\n";
  for (int i = 0; i < 100'000; ++i) huge += "- {name: a, at: +1h, leave: true}\n";
  const auto begin = std::chrono::steady_clock::now();
  CHECK(read(huge).problems == "c.yaml: is too large for a config");
  // Each entry repeats a name and names another that there is not.
  std::string wrong = "scenario:\n";
  for (int i = 0; i < 5'000; ++i) wrong += "- {name: a, at: +1h, where: {event: zzz}, leave: true}\n";
  CHECK(read(wrong).problems.find("and 99") != std::string::npos);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));
}

TEST_CASE("mutated scenarios are refused, or read back as they are") {
  const std::string good(every_verb);
  const std::size_t first = good.find("scenario:");
  constexpr std::string_view letters = "{}[]:,%+-0123456789dhms*?'\" \nabcdefxyz";
  std::size_t accepted = 0;
  for (std::uint64_t i = 0; i < 3'000; ++i) {
    std::string text = good;
    const std::uint64_t changes = 1 + i % 3;
    for (std::uint64_t k = 0; k < changes; ++k) {
      const RandomBlock draw = draw_block(i, 0, Stream::generate, k);
      const std::size_t at = first + uniform_below(draw[0], text.size() - first);
      if (draw[1] % 3 == 0) {
        text.erase(at, 1 + draw[2] % 5);
      } else {
        text.insert(at, 1, letters[uniform_below(draw[3], letters.size())]);
      }
    }
    const Read found = read(text);
    if (!found.problems.empty()) continue;
    ++accepted;
    const Read again = read(config::config_text(found.config));
    CAPTURE(text);
    CHECK(again.problems == "");
    CHECK(again.config == found.config);
  }
  CHECK(accepted > 100);
}

}  // namespace fleet_sim::scenario_config_test
