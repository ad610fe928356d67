// Parts that wear out: intervals, onsets and lives against their laws, readings against the formula, events
// against the readings, and all of it the same in any order, after a resumption and through reloads.
#include <doctest/doctest.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/random.h"
#include "config/load_config.h"
#include "fleet/fleet.h"
#include "fleet/profile_table.h"
#include "fleet/sensor_state.h"
#include "model/aging.h"
#include "model/sensor.h"
#include "support/rosters.h"

namespace fleet_sim::aging_test {

using namespace fleet_sim::test;

namespace {

constexpr Timestamp start = 1'767'225'600'123'456;
constexpr std::uint64_t seed = 4711;
constexpr Microseconds second = 1'000'000;
constexpr Microseconds hour = 3'600 * second;
constexpr Microseconds day = 24 * hour;

// Levels that nothing but age changes, so that a reading can be worked out by hand.
constexpr std::string_view still = R"(
types:
  still:
    channels:
      bearing: {base: 30}
      vibration: {scale: log, base: 2}
      voltage: {base: 12}
      power: {kind: product, of: [bearing, voltage]}
    aging:
      wear: {every: 60d, life: {median: 20d, min: 5d, max: 50d}, terms: {bearing: 12, vibration: 4.5}, then: THEN}
)";
// Everything at once: sources of all kinds, faults, two agings.
constexpr std::string_view lively = R"(
anomalies: {probability: 0.2, types: {missing_data: {duration_seconds: 40m}, trend: {duration_seconds: 3h}, noise: {duration_seconds: 1h},
            stuck: {weight: 0.2, duration_seconds: {median: 1h, min: 10m, max: 5h}}, dropout: {weight: 0.1, duration_seconds: 2h}}}
types:
  lively:
    sources:
      run: {kind: load, duty: 0.6}
      warm: {kind: lag, of: run, tau: 2h}
      level: {kind: noise, from: 1m, to: 8h}
    channels:
      bearing: {base: 30, white: 0.05, resolution: 0.1, terms: {warm: 18, level: 1}}
      vibration: {scale: log, base: 0.3, white: 0.02, terms: {run: 8.2}}
      load: {base: 5, white: 0.1}
    aging:
      wear: {every: 5d, life: {median: 30h, min: 10h, max: 60h}, terms: {bearing: 12, vibration: 4.5}, then: stuck}
      seal: {every: 3d, life: 40h, terms: {load: -2}, then: silent}
)";

config::Config config_of(std::string text, const std::string& then = "stuck") {
  if (const auto at = text.find("THEN"); at != text.npos) text.replace(at, 4, then);
  Problems problems;
  config::Config config = config::read_config(text, "aging.yaml", problems);
  REQUIRE(problems.text() == "");
  return config;
}

// A type of a config with what a sensor of it is made of.
struct Made {
  Made(const config::Config& config_, const std::string& type, Rate rate = Rate(1.0 / 3'600))
      : config(config_), types(fleet::types_under(config, types::built_in_types())) {
    model::ProfileSource source;
    source.rate = rate;
    source.type = &(*types)[type];
    source.normal_parameters = source.type->normal_parameters;
    profile = model::resolve_profile(config, source);
  }

  [[nodiscard]] model::Sensor sensor(const std::string& id) const { return {hash_text(id), 0, &profile, 0}; }
  [[nodiscard]] const model::Agings& agings() const { return *profile.agings; }

  config::Config config;
  std::shared_ptr<const types::Catalog> types;
  model::Profile profile;
};

// The largest distance between the distribution of the values and the law `below`, and what it exceeds with a
// chance of 1e-6 (Massart).
template <class Below>
void check_law(std::vector<double> values, const Below& below) {
  std::ranges::sort(values);
  const auto n = static_cast<double>(values.size());
  double distance = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double law = below(values[i]);
    distance = std::max({distance, std::fabs(law - static_cast<double>(i) / n),
                         std::fabs(static_cast<double>(i + 1) / n - law)});
  }
  CHECK(distance < std::sqrt(std::log(2 / 1e-6) / (2 * n)));
}

double normal_below(double z) {
  return 0.5 * std::erfc(-z / std::sqrt(2.0));
}

}  // namespace

TEST_CASE("time is cut into intervals, each with an onset in its first tenth and a failure before its end") {
  const Made made(config_of(std::string(still)), "still");
  for (std::uint64_t s = 0; s < 50; ++s) {
    const std::uint64_t key = mix_words(s, 1);
    Timestamp at = -100 * day;  // before 1970 as well
    for (int i = 0; i < 40; ++i) {
      const model::ServiceInterval one = made.agings().interval(0, seed, key, at);
      CHECK(one.contains(at));
      CHECK(one.ends - one.begins == 60 * day);
      CHECK(one.onset >= one.begins);
      CHECK(one.onset < one.begins + 6 * day);
      CHECK(one.fails_at - one.onset >= 5 * day);
      CHECK(one.fails_at - one.onset <= 50 * day);
      CHECK(one.fails_at < one.ends);
      for (const Timestamp other : {one.begins, one.onset, one.fails_at, one.ends - 1})
        CHECK(made.agings().interval(0, seed, key, other) == one);
      const model::ServiceInterval next = made.agings().interval(0, seed, key, one.ends);
      CHECK(next.begins == one.ends);
      CHECK(next.onset - next.begins != one.onset - one.begins);
      at = one.ends;
    }
  }
}

TEST_CASE("onsets, lives and where intervals begin follow their laws") {
  const Made made(config_of(std::string(still)), "still");
  std::vector<double> begins;
  std::vector<double> onsets;
  std::vector<double> lives;
  std::vector<double> products;  // of two ranks that do not depend on each other
  for (std::uint64_t s = 0; s < 400; ++s) {
    const std::uint64_t key = hash_text(fmt::format("sensor {}", s));
    Timestamp at = start;
    for (int i = 0; i < 50; ++i) {
      const model::ServiceInterval one = made.agings().interval(0, seed, key, at);
      if (i == 0) begins.push_back(static_cast<double>(start - one.begins) / static_cast<double>(60 * day));
      onsets.push_back(static_cast<double>(one.onset - one.begins) / static_cast<double>(6 * day));
      lives.push_back(static_cast<double>(one.fails_at - one.onset) / static_cast<double>(day));
      at = one.ends;
    }
  }
  const auto uniform_below = [](double x) { return std::clamp(x, 0.0, 1.0); };
  check_law(begins, uniform_below);
  check_law(onsets, uniform_below);
  const double sigma = std::log(50.0 / 20) / 3;
  const auto share = [&](double days) { return normal_below(std::log(days / 20) / sigma); };
  const auto life_below = [&](double days) { return (share(days) - share(5)) / (share(50) - share(5)); };
  check_law(lives, life_below);
  // An onset tells nothing of a life, nor of the next onset.
  for (std::size_t i = 0; i + 1 < onsets.size(); ++i)
    products.push_back(std::fmod(onsets[i] + life_below(lives[i]) + onsets[i + 1], 1));
  check_law(products, uniform_below);
}

TEST_CASE("an aging does not depend on what else its type declares") {
  const Made one(config_of(std::string(still)), "still");
  std::string text(still);
  text.insert(text.find("      wear:"), "      rust: {every: 7d, life: 1d, terms: {voltage: 1}}\n");
  const Made two(config_of(text), "still");
  REQUIRE(two.agings().size() == 2);
  for (std::uint64_t key = 1; key < 100; ++key) {
    CHECK(one.agings().interval(0, seed, key, start) == two.agings().interval(1, seed, key, start));
    CHECK(one.agings().interval(0, seed + 1, key, start) != one.agings().interval(0, seed, key, start));
    CHECK(two.agings().interval(0, seed, key, start).begins !=
          two.agings().interval(0, seed, key + 1, start).begins);
  }
}

TEST_CASE("channels depart as the formula says, and are stuck from the failure to the end of the interval") {
  config::Config config = config_of(std::string(still));
  config.anomalies.enabled = false;
  const Made made(config, "still");
  for (int s = 0; s < 20; ++s) {
    model::Sensor sensor = made.sensor(fmt::format("S{}", s));
    const model::ServiceInterval one = made.agings().interval(0, seed, sensor.key, start);
    for (Timestamp at = one.begins; at < one.ends; at += 7 * hour + 13) {
      CAPTURE(at);
      const model::Sample taken = model::sample(sensor, seed, {at, at + 1});
      const double life = static_cast<double>(one.fails_at - one.onset);
      const double x = std::clamp(static_cast<double>(at - one.onset) / life, 0.0, 1.0);
      const double g = (std::exp(4 * x) - 1) / (std::exp(4.0) - 1);
      REQUIRE_FALSE(taken.missing);
      CHECK(taken.values[0] == doctest::Approx(30 + 12 * g).epsilon(1e-12));
      CHECK(taken.values[1] == doctest::Approx(2 * std::pow(4.5, g)).epsilon(1e-12));
      CHECK(taken.values[2] == 12);
      CHECK(taken.values[3] == doctest::Approx(12 * taken.values[0]).epsilon(1e-12));  // as it is read
      CHECK(taken.anomaly == (at < one.fails_at ? std::nullopt : std::optional(AnomalyType::aging)));
      if (at <= one.onset) CHECK(taken.values[0] == 30);
      if (at >= one.fails_at) CHECK(taken.values[0] == 42);
    }
    CHECK(model::sample(sensor, seed, {one.ends, one.ends + 1}).values[0] == 30);
  }
}

TEST_CASE("a sensor that fails silently has no rows until its part is replaced") {
  config::Config config = config_of(std::string(still), "silent");
  config.anomalies.enabled = false;
  const Made made(config, "still");
  model::Sensor sensor = made.sensor("S");
  const model::ServiceInterval one = made.agings().interval(0, seed, sensor.key, start);
  for (const auto& [at, missing] :
       {std::pair(one.onset, false), std::pair(one.fails_at - 1, false), std::pair(one.fails_at, true),
        std::pair(one.ends - 1, true), std::pair(one.ends, false)}) {
    const model::Sample taken = model::sample(sensor, seed, {at, at + 1});
    CHECK(taken.missing == missing);
    CHECK((taken.anomaly == AnomalyType::aging) == missing);
    CHECK(model::has_failed(sensor, seed, at) == missing);
  }
}

TEST_CASE("a stuck channel keeps the level of its failure, with all that has come together there") {
  config::Config config = config_of(std::string(lively));
  config.anomalies.enabled = false;
  const Made made(config, "lively");
  std::size_t stuck = 0;
  for (int s = 0; s < 40; ++s) {
    model::Sensor sensor = made.sensor(fmt::format("S{}", s));
    const model::ServiceInterval wear = made.agings().interval(0, seed, sensor.key, start);
    std::set<double> bearing;
    std::set<double> vibration;
    std::set<double> load;
    for (Timestamp at = wear.fails_at; at < wear.ends; at += 10 * 60 * second) {
      const model::Sample taken = model::sample(sensor, seed, {at, at + 1});
      if (taken.missing) continue;
      bearing.insert(taken.values[0]);
      vibration.insert(taken.values[1]);
      load.insert(taken.values[2]);
    }
    if (load.size() < 10) continue;
    ++stuck;
    CHECK(bearing.size() == 1);
    CHECK(vibration.size() == 1);
    // Without the other aging, a microsecond before: the same but for the noise.
    const model::Sample before = model::sample(sensor, seed, {wear.fails_at - 1, wear.fails_at});
    if (!before.missing) CHECK(std::fabs(before.values[0] - *bearing.begin()) < 0.7);
  }
  CHECK(stuck > 20);
}

TEST_CASE("readings are the same bits forwards with a memory, backwards cold, and thinned out") {
  config::Config config = config_of(std::string(lively));
  config.anomalies.enabled = false;
  const Made made(config, "lively");
  for (int s = 0; s < 10; ++s) {
    model::Sensor sensor = made.sensor(fmt::format("S{}", s));
    std::vector<std::uint32_t> knots(model::knot_words(made.profile), sources::no_knot);
    std::vector<model::AgingState> ages(model::agings_of(made.profile));
    std::vector<std::pair<Timestamp, model::Sample>> forwards;
    for (Timestamp at = start; at < start + 12 * day; at += 17 * 60 * second) {
      forwards.emplace_back(at, model::sample(sensor, seed, {at, at + 17 * 60 * second}, {knots, ages}));
    }
    for (std::size_t i = forwards.size(); i-- > 0;) {
      const auto& [at, taken] = forwards[i];
      const model::Sample cold = model::sample(sensor, seed, {at, at + 1});
      CHECK(cold.missing == taken.missing);
      CHECK(cold.anomaly == taken.anomaly);
      CHECK(cold.values == taken.values);
    }
    std::ranges::fill(ages, model::AgingState{});
    for (std::size_t i = 0; i < forwards.size(); i += 29) {
      const auto& [at, taken] = forwards[i];
      CHECK(model::sample(sensor, seed, {at, at + day}, {knots, ages}).values == taken.values);
    }
  }
}

namespace {

struct Taken {
  std::vector<batch::Reading> readings;
  std::vector<batch::AnomalyEvent> events;
  fleet::Tally tally;
};

fleet::Fleet fleet_of(identity::Roster& roster, const config::Config& config) {
  const auto types = fleet::types_under(config, types::built_in_types());
  fleet::note_names(roster, *types);
  return fleet::build_fleet(roster, all_of(roster), std::vector<std::uint32_t>(roster.size(), 0), config,
                            seed, start, types);
}

void tick(fleet::Fleet& fleet, Timestamp until, Taken& taken) {
  batch::Batch batch;
  for (fleet::Cohort& cohort : fleet.cohorts()) {
    while (cohort.next_due() < until) {
      taken.tally += cohort.tick(until, batch);
      CHECK(batch.events.size() <= batch::Batch::capacity);
      taken.readings.insert(taken.readings.end(), batch.readings.begin(), batch.readings.end());
      taken.events.insert(taken.events.end(), batch.events.begin(), batch.events.end());
      batch.clear();
    }
  }
}

using Event = std::tuple<std::uint32_t, Timestamp, Timestamp, AnomalyType, batch::AnomalyEvent::Kind,
                         std::uint32_t, std::uint32_t, std::optional<Timestamp>>;

std::vector<Event> sorted(const std::vector<batch::AnomalyEvent>& events) {
  std::vector<Event> keys;
  for (const batch::AnomalyEvent& e : events) {
    keys.emplace_back(e.sensor, e.started_at, e.ended_at, e.type, e.kind, e.readings_affected, e.scenario,
                      e.fails_at);
  }
  std::ranges::sort(keys);
  return keys;
}

std::vector<batch::AnomalyEvent> open_in(const fleet::Fleet& fleet_) {
  std::vector<batch::AnomalyEvent> open;
  for (const fleet::Cohort& cohort : const_cast<fleet::Fleet&>(fleet_).cohorts())
    std::ranges::copy(cohort.open_anomalies(), std::back_inserter(open));
  return open;
}

auto key_of(const batch::Reading& reading) {
  return std::tuple(reading.sensor, reading.due, reading.values, reading.anomaly);
}

bool same_readings(std::vector<batch::Reading> a, std::vector<batch::Reading> b) {
  std::ranges::sort(a, {}, key_of);
  std::ranges::sort(b, {}, key_of);
  return std::ranges::equal(a, b, {}, key_of, key_of);
}

config::Config lively_config() {
  config::Config config = config_of(std::string(lively));
  config.simulation.rate = Rate(1.0 / 600);
  return config;
}

}  // namespace

TEST_CASE(
    "each interval is one event, which counts what is due from its onset on; rows are marked once it fails") {
  const config::Config config = lively_config();
  identity::Roster roster = roster_of(60, "lively");
  fleet::Fleet fleet = fleet_of(roster, config);
  const Timestamp until = start + 30 * day;
  Taken taken;
  tick(fleet, until, taken);

  using Key = std::tuple<std::uint32_t, Timestamp, std::uint32_t>;  // sensor, onset, name
  std::map<Key, batch::AnomalyEvent> agings;
  std::vector<batch::AnomalyEvent> faults;
  std::vector<batch::AnomalyEvent> all = taken.events;
  std::ranges::copy(open_in(fleet), std::back_inserter(all));
  std::size_t begun = 0;
  for (const batch::AnomalyEvent& event : all) {
    if (event.type != AnomalyType::aging) {
      if (batch::begins(event.kind)) faults.push_back(event);
      continue;
    }
    CHECK(event.cause == AnomalyCause::aging);
    begun += batch::begins(event.kind) ? 1 : 0;
    agings.insert_or_assign(Key(event.sensor, event.started_at, event.scenario), event);
  }
  CHECK(begun == agings.size());
  CHECK(taken.tally.anomalies[index_of(AnomalyType::aging)] == begun);
  CHECK(agings.size() > 60 * 12);
  CHECK(faults.size() > 1'000);

  std::map<std::uint32_t, std::vector<const batch::Reading*>> rows;
  for (const batch::Reading& reading : taken.readings) rows[reading.sensor].push_back(&reading);
  std::set<std::pair<std::uint32_t, Timestamp>> failed;
  for (const auto& [key, event] : agings) {
    const auto& [sensor, onset, name] = key;
    CHECK(event.ended_at > *event.fails_at);
    const std::string_view called = roster.text(static_cast<identity::Text>(name));
    const fleet::Cohort& cohort = fleet.cohorts().front();
    const Timestamp first_due =
        cohort.cadence().origin(start) + model::phase_of(hash_text(roster[sensor].id), cohort.cadence());
    const Timestamp to = std::min(event.ended_at + 1, until);
    const auto due_before = [&](Timestamp at) { return cohort.cadence().count_before(at - first_due); };
    CHECK(event.readings_affected == due_before(to) - due_before(std::max(onset, start)));
    for (const batch::Reading* row : rows[sensor]) {
      if (row->due < *event.fails_at || row->due > event.ended_at) continue;
      CHECK(called == "wear");  // nothing is there once the seal has failed
      CHECK(row->anomaly == AnomalyType::aging);
      failed.emplace(sensor, row->due);
    }
    for (const batch::AnomalyEvent& fault : faults) {
      if (fault.sensor == sensor)
        CHECK((fault.ended_at < *event.fails_at || fault.started_at > event.ended_at));
    }
  }
  CHECK(failed.size() > 10'000);
  for (const batch::Reading& reading : taken.readings) {
    if (reading.anomaly == AnomalyType::aging) CHECK(failed.contains({reading.sensor, reading.due}));
  }
  CHECK(taken.tally.missing + taken.readings.size() == taken.tally.due);
}

TEST_CASE("a fleet that is resumed goes on with every interval as it was") {
  const config::Config config = lively_config();
  identity::Roster roster = roster_of(40, "lively");
  for (const Microseconds after : {Microseconds{1}, 31 * hour, 9 * day + 12'345'678, 14 * day}) {
    CAPTURE(after);
    const Timestamp moment = start + after;
    fleet::Fleet whole = fleet_of(roster, config);
    Taken before;
    tick(whole, moment, before);
    fleet::PastAnomalies past;
    for (const batch::AnomalyEvent& event : before.events) {
      if (event.type != AnomalyType::aging && batch::begins(event.kind))
        past[event.sensor] = {{.type = event.type}, event.started_at};
    }
    fleet::Fleet resumed = fleet_of(roster, config);
    resumed.resume_at(moment, past);
    CHECK(sorted(open_in(resumed)) == sorted(open_in(whole)));
    Taken rest;
    Taken again;
    tick(whole, moment + 8 * day, rest);
    tick(resumed, moment + 8 * day, again);
    CHECK(same_readings(rest.readings, again.readings));
    CHECK(sorted(rest.events) == sorted(again.events));
  }
}

TEST_CASE("an interval whose last reading was taken before a resumption gets what a faster rate brings") {
  const config::Config config = lively_config();
  config::Config faster = config;
  faster.simulation.rate = Rate(1.0 / 60);
  identity::Roster roster = roster_of(20, "lively");
  const auto speed_up = [&](fleet::Fleet& fleet, Timestamp moment) {
    std::vector<fleet::WantedSensor> wanted;
    for (std::uint32_t i = 0; i < 20; ++i) wanted.push_back({i, i, 0u, 0, false, false});
    fleet::FleetChange change = fleet::plan_fleet_change(
        config,
        std::make_shared<fleet::ProfileTable>(roster, std::make_shared<const config::Config>(faster),
                                              fleet::types_under(faster, types::built_in_types()), seed),
        wanted, {});
    fleet.apply(change, moment);
    std::vector<batch::AnomalyEvent> events;
    for (const auto& [writer, event] : change.anomalies) events.push_back(event);
    return events;
  };
  fleet::Fleet past = fleet_of(roster, config);
  Taken taken;
  tick(past, start + 3 * day, taken);
  std::vector<batch::AnomalyEvent> ended = taken.events;
  std::erase_if(ended, [](const batch::AnomalyEvent& event) {
    return event.type != AnomalyType::aging || event.kind != batch::AnomalyEvent::Kind::closed;
  });
  REQUIRE(ended.size() > 6);
  std::size_t longer = 0;
  for (std::size_t i = 0; i < 6; ++i) {
    const Timestamp moment = ended[i].ended_at - 200 * second;  // a third of the time between two readings
    fleet::Fleet whole = fleet_of(roster, config);
    Taken before;
    tick(whole, moment, before);
    fleet::PastAnomalies begun;
    for (const batch::AnomalyEvent& event : before.events) {
      if (event.type != AnomalyType::aging && batch::begins(event.kind))
        begun[event.sensor] = {{.type = event.type}, event.started_at};
    }
    fleet::Fleet resumed = fleet_of(roster, config);
    resumed.resume_at(moment, begun);
    const auto noted = sorted(speed_up(whole, moment));
    CHECK(noted == sorted(speed_up(resumed, moment)));
    Taken rest;
    Taken again;
    tick(whole, moment + hour, rest);
    tick(resumed, moment + hour, again);
    CHECK(sorted(rest.events) == sorted(again.events));
    longer +=
        static_cast<std::size_t>(std::ranges::count_if(rest.events, [&](const batch::AnomalyEvent& event) {
          return event.sensor == ended[i].sensor && event.started_at == ended[i].started_at &&
                 event.readings_affected > ended[i].readings_affected;
        }));
  }
  CHECK(longer > 2);
}

TEST_CASE("what a sensor is in the middle of is a failure, too") {
  const Made made(config_of(std::string(still)), "still");
  const model::Sensor sensor = made.sensor("S");
  const Timestamp begins = made.agings().interval(0, seed, sensor.key, start).ends;
  const model::ServiceInterval one = made.agings().interval(0, seed, sensor.key, begins);
  const auto now = [&](Timestamp at) {
    return fleet::event_now({sensor, Cadence(Rate(1.0 / 3'600)), start, seed, at});
  };
  CHECK_FALSE(now(one.fails_at - 1));
  CHECK_FALSE(now(one.ends));
  const auto event = now(one.ends - 1);
  REQUIRE(event);
  CHECK(event->type == AnomalyType::aging);
  CHECK(event->cause == AnomalyCause::aging);
  CHECK(event->started_at == one.onset);

  // So is what its last readings say.
  fleet::SensorState state{sensor, Cadence(Rate(1.0 / 3'600)), start, seed, start};
  state.next_due = state.first_due();
  std::deque<fleet::RecentReading> readings;
  fleet::replay(state, one.fails_at + 5 * hour, {}, 10, readings);
  REQUIRE(readings.size() == 10);
  CHECK(readings.front().reading.anomaly != AnomalyType::aging);
  CHECK(readings.back().reading.anomaly == AnomalyType::aging);
  CHECK(readings.back().cause == AnomalyCause::aging);
  CHECK_FALSE(readings.back().channel);
}

TEST_CASE("readings that are skipped wear a sensor out as much as those that are taken") {
  const config::Config config = lively_config();
  identity::Roster roster = roster_of(10, "lively");
  fleet::Fleet taking = fleet_of(roster, config);
  fleet::Fleet skipping = fleet_of(roster, config);
  Taken all;
  tick(taking, start + 20 * day, all);
  Taken rest;
  for (fleet::Cohort& cohort : skipping.cohorts()) {
    for (Timestamp to = start; to < start + 20 * day; to += day) {
      while (!cohort.skip(to, rest.tally)) {
        batch::Batch batch;
        cohort.settle_owed(batch);
        std::ranges::copy(batch.events, std::back_inserter(rest.events));
      }
    }
  }
  tick(skipping, start + 20 * day, rest);
  CHECK(rest.tally.skipped > 1'000);
  CHECK(sorted(rest.events) == sorted(all.events));
}

TEST_CASE("an interval outlasts a change of its sensor's rate, and ends for a sensor that leaves") {
  const config::Config config = lively_config();
  identity::Roster roster = roster_of(30, "lively");
  fleet::Fleet fleet = fleet_of(roster, config);
  const Timestamp moment = start + 6 * day + 1'000;
  Taken taken;
  tick(fleet, moment, taken);
  const std::vector<batch::AnomalyEvent> open = open_in(fleet);
  config::Config other = config;
  SUBCASE("slower") {
    other.simulation.rate = Rate(1.0 / 5'000);
  }
  SUBCASE("faster") {
    other.simulation.rate = Rate(1.0 / 60);
  }
  std::vector<fleet::WantedSensor> wanted;
  for (std::uint32_t i = 10; i < 30; ++i) wanted.push_back({i, i, 0u, 0, false, false});
  std::vector<std::uint32_t> leaving(10);
  for (std::uint32_t i = 0; i < 10; ++i) leaving[i] = i;
  fleet::FleetChange change = fleet::plan_fleet_change(
      config,
      std::make_shared<fleet::ProfileTable>(roster, std::make_shared<const config::Config>(other),
                                            fleet::types_under(other, types::built_in_types()), seed),
      wanted, leaving);
  fleet.apply(change, moment);
  std::size_t left = 0;
  for (const auto& [writer, event] : change.anomalies) {
    if (event.type != AnomalyType::aging) continue;
    CHECK(event.sensor < 10);
    CHECK(event.kind == batch::AnomalyEvent::Kind::closed);
    CHECK(event.ended_at == moment - 1);
    ++left;
  }
  CHECK(left == static_cast<std::size_t>(std::ranges::count_if(open, [](const batch::AnomalyEvent& event) {
          return event.type == AnomalyType::aging && event.sensor < 10;
        })));

  // One that has been reported is not begun again, and what is said of it in the end is what it has counted.
  taken.events.clear();
  std::map<std::pair<std::uint32_t, Timestamp>, std::uint32_t> counted;
  for (const batch::AnomalyEvent& event : open) {
    if (event.type == AnomalyType::aging) counted[{event.sensor, event.started_at}] = event.readings_affected;
  }
  const std::size_t rows_before = taken.readings.size();
  tick(fleet, moment + 6 * day, taken);
  CHECK(taken.readings.size() > rows_before);
  std::size_t went_on = 0;
  for (const batch::AnomalyEvent& event : taken.events) {
    const auto known = counted.find({event.sensor, event.started_at});
    if (event.type != AnomalyType::aging || known == counted.end()) continue;
    CHECK(event.kind == batch::AnomalyEvent::Kind::closed);
    CHECK(event.readings_affected > known->second);
    ++went_on;
  }
  CHECK(went_on > 20);
}

TEST_CASE("no anomaly begins in a sensor that has failed, and one that is asked for says so") {
  const Made made(config_of(std::string(still)), "still");
  model::Sensor sensor = made.sensor("S");
  const model::ServiceInterval one = made.agings().interval(0, seed, sensor.key, start);
  const model::AnomalyRequest offset{.type = AnomalyType::offset, .duration = 3 * day};
  CHECK_FALSE(model::inject_anomaly(sensor, seed, offset, one.fails_at));
  CHECK_FALSE(model::inject_anomaly(sensor, seed, {.type = AnomalyType::aging}, one.onset));
  CHECK(model::inject_anomaly(sensor, seed, offset, one.fails_at - hour));
  CHECK(sensor.anomaly.ended_at == one.fails_at - 1);
  sensor.anomaly = model::Anomaly{};
  CHECK(model::inject_anomaly(sensor, seed, offset, one.ends));
  CHECK(sensor.anomaly.ended_at == one.ends + 3 * day - 1);
}

}  // namespace fleet_sim::aging_test
