// Cohorts and fleets: who is simulated where, and that ticks lose, repeat and change nothing however they are
// cut.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/random.h"
#include "fleet/fleet.h"
#include "fleet/profile_table.h"
#include "support/rosters.h"
#include "support/statistics.h"

namespace fleet_sim::fleet_test {

using namespace fleet_sim::test;

namespace {

constexpr Timestamp start = 1'767'225'600'123'456;
constexpr std::uint64_t seed = 4711;

fleet::Fleet fleet_of(const identity::Roster& roster, const std::vector<std::uint32_t>& members,
                      const config::Config& config, Timestamp from = start) {
  return fleet::build_fleet(roster, members, std::vector<std::uint32_t>(members.size(), 0), config, seed,
                            from);
}

// Everything that ticks came to.
struct Taken {
  std::vector<batch::Reading> readings;
  std::vector<batch::AnomalyEvent> events;
  fleet::Tally tally;

  void add(const batch::Batch& batch) {
    readings.insert(readings.end(), batch.readings.begin(), batch.readings.end());
    events.insert(events.end(), batch.events.begin(), batch.events.end());
  }
};

// Ticks every cohort up to `until` in windows.
Taken tick_in_windows(fleet::Fleet& fleet, Timestamp from, Timestamp until, Microseconds window) {
  Taken taken;
  batch::Batch batch;
  for (fleet::Cohort& cohort : fleet.cohorts()) {
    for (Timestamp to = from; to < until;) {
      to = std::min(to + window, until);
      while (cohort.next_due() < to) {
        taken.tally += cohort.tick(to, batch);
        taken.add(batch);
        batch.clear();
      }
    }
  }
  return taken;
}

using ReadingKey = std::tuple<std::uint32_t, Timestamp, batch::Values, std::optional<AnomalyType>>;
using EventKey = std::tuple<std::uint32_t, Timestamp, Timestamp, AnomalyType, batch::AnomalyEvent::Kind,
                            std::uint32_t, std::optional<double>, std::optional<Channel>, int>;

// How many profiles the sensors of a roster share.
std::size_t count_profiles(const identity::Roster& roster, const config::Config& config) {
  fleet::ProfileTable table(roster, std::make_shared<const config::Config>(config));
  std::set<const model::Profile*> profiles;
  for (std::size_t i = 0; i < roster.size(); ++i) profiles.insert(table.find_or_resolve(roster[i]).profile);
  return profiles.size();
}

std::vector<ReadingKey> sorted_readings(const Taken& taken) {
  std::vector<ReadingKey> keys;
  for (const batch::Reading& r : taken.readings) keys.emplace_back(r.sensor, r.due, r.values, r.anomaly);
  std::sort(keys.begin(), keys.end());
  return keys;
}

std::vector<EventKey> sorted_events(const Taken& taken) {
  std::vector<EventKey> keys;
  for (const batch::AnomalyEvent& e : taken.events) {
    keys.emplace_back(e.sensor, e.started_at, e.ended_at, e.type, e.kind, e.readings_affected, e.magnitude,
                      e.channel, e.direction);
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

// Anomalies often enough, and short enough, that a short run begins and ends many.
config::Config restless() {
  config::Config config;
  config.anomalies.probability = 0.4;
  config.anomalies.types[index_of(AnomalyType::trend)].duration_seconds = 7;
  config.anomalies.types[index_of(AnomalyType::pattern)].duration_seconds = 11;
  config.anomalies.types[index_of(AnomalyType::missing_data)].duration_seconds = 3;
  config.anomalies.types[index_of(AnomalyType::noise)].duration_seconds = 5;
  return config;
}

// Sensors of a handful of random rates, from one in minutes to hundreds a second.
identity::Roster random_roster(std::uint64_t which, std::size_t sensors) {
  std::vector<double> rates{1};
  for (std::uint64_t i = 0; i < 4; ++i) rates.push_back(std::pow(10, uniform(mix_words(which, i), -2, 2)));
  identity::Roster roster;
  for (std::size_t i = 0; i < sensors; ++i) {
    identity::IdentityRecord record = identity_of("s" + std::to_string(which) + "-" + std::to_string(i));
    const std::uint64_t rate = uniform_below(mix_words(which, 1'000 + i), rates.size() + 1);
    if (rate < rates.size()) record.overrides.rate = rates[rate];
    roster.add(record);
  }
  return roster;
}

}  // namespace

TEST_CASE("partitions are disjoint and complete, and their members rise") {
  const identity::Roster roster = roster_of(5'000);
  for (const std::uint32_t count : {1u, 2u, 4u, 7u}) {
    std::vector<std::uint32_t> all;
    for (std::uint32_t index = 1; index <= count; ++index) {
      const auto members = fleet::partition_members(roster, {index, count});
      CHECK(std::is_sorted(members.begin(), members.end()));
      const double share = static_cast<double>(members.size()) / 5'000;
      CHECK(std::abs(share - 1.0 / count) <= share_bound(1.0 / count, 5'000));
      all.insert(all.end(), members.begin(), members.end());
    }
    std::sort(all.begin(), all.end());
    CHECK(all == all_of(roster));
  }
}

TEST_CASE("a sensor's partition does not depend on the others") {
  const auto ids = [](const identity::Roster& roster, config::Partition partition) {
    std::set<std::string> set;
    for (const std::uint32_t member : fleet::partition_members(roster, partition))
      set.emplace(roster[member].id);
    return set;
  };
  identity::Roster shuffled;
  for (int i = 2'999; i >= 0; --i) shuffled.add(identity_of("sensor-" + std::to_string(i)));
  for (std::uint32_t index = 1; index <= 3; ++index) {
    const std::set<std::string> few = ids(roster_of(1'000), {index, 3});
    const std::set<std::string> many = ids(shuffled, {index, 3});
    CHECK(std::includes(many.begin(), many.end(), few.begin(), few.end()));
  }
}

TEST_CASE("cohorts hold at most 1,024 sensors of one rate and one writer, and every member once") {
  identity::Roster roster = random_roster(1, 7'000);
  const auto members = all_of(roster);
  std::vector<std::uint32_t> writer_of;
  for (const std::uint32_t member : members) writer_of.push_back(member % 3);
  fleet::Fleet fleet = fleet::build_fleet(roster, members, writer_of, config::Config(), seed, start);
  CHECK(fleet.size() == 7'000);

  std::set<std::uint32_t> seen;
  for (fleet::Cohort& cohort : fleet.cohorts()) {
    CHECK(cohort.size() >= 1);
    CHECK(cohort.size() <= 1'024);
    // One whole period of the cohort shows each of its sensors once.
    std::set<double> rates;
    batch::Batch batch;
    std::uint64_t due = 0;
    while (due < cohort.size()) {
      const Timestamp next = cohort.next_due();
      due += cohort.tick(next + 1, batch).due;
      for (const batch::Reading& reading : batch.readings) {
        CHECK(seen.insert(reading.sensor).second);
        CHECK(writer_of[reading.sensor] == cohort.writer());
        rates.insert(fleet::rate_of(roster, roster[reading.sensor], config::Config()).per_second());
      }
      for (const batch::AnomalyEvent& event : batch.events) {
        if (event.type == AnomalyType::missing_data) seen.insert(event.sensor);
      }
      batch.clear();
    }
    CHECK(rates.size() <= 1);
  }
  // Sensors inside a steady-start gap that goes on show neither a reading nor an event; there are few.
  CHECK(seen.size() <= 7'000);
  CHECK(seen.size() > 6'900);
}

TEST_CASE("a full fleet makes the fewest cohorts") {
  const identity::Roster roster = roster_of(2'049);
  fleet::Fleet fleet = fleet_of(roster, all_of(roster), config::Config());
  CHECK(fleet.cohorts().size() == 3);
  CHECK(count_profiles(roster, config::Config()) == 1);
}

TEST_CASE("readings are due in order, and next_due never goes back") {
  const identity::Roster roster = random_roster(2, 400);
  fleet::Fleet fleet = fleet_of(roster, all_of(roster), config::Config());
  for (fleet::Cohort& cohort : fleet.cohorts()) {
    batch::Batch batch;
    Timestamp last = start;
    CHECK(cohort.next_due() >= start);
    for (int i = 0; i < 50; ++i) {
      const Timestamp before = cohort.next_due();
      cohort.tick(before + 1'000, batch);
      CHECK(cohort.next_due() >= before + 1'000);
      for (const batch::Reading& reading : batch.readings) {
        CHECK(reading.due >= last);
        CHECK(reading.due < before + 1'000);
        last = reading.due;
      }
      batch.clear();
    }
  }
}

TEST_CASE("a full batch ends a tick half-way, and the next tick goes on without loss") {
  config::Config config = restless();
  const identity::Roster roster = roster_of(700);
  fleet::Fleet whole = fleet_of(roster, all_of(roster), config);
  const Taken expected = tick_in_windows(whole, start, start + 10'000'000, 100'000);  // 70 readings a tick

  fleet::Fleet cut = fleet_of(roster, all_of(roster), config);
  fleet::Cohort& cohort = cut.cohorts().front();
  Taken taken;
  batch::Batch batch;
  int full = 0;
  while (cohort.next_due() < start + 10'000'000) {
    taken.tally += cohort.tick(start + 10'000'000, batch);
    CHECK(batch.readings.size() <= batch::Batch::capacity);
    CHECK(batch.events.size() <= batch::Batch::capacity);
    full += batch.full() ? 1 : 0;
    taken.add(batch);
    batch.clear();
  }
  CHECK(full >= 5);
  CHECK(taken.tally.due == 7'000);
  CHECK(sorted_readings(taken) == sorted_readings(expected));
  CHECK(sorted_events(taken) == sorted_events(expected));
}

TEST_CASE("a tick appends to what the batch holds already, and takes nothing when it is full") {
  const identity::Roster roster = roster_of(10);
  fleet::Fleet fleet = fleet_of(roster, all_of(roster), config::Config());
  fleet::Cohort& cohort = fleet.cohorts().front();
  batch::Batch batch;
  const batch::Reading other{start, {1, 2, 3}, 0, std::nullopt};
  while (batch.readings.size() + 3 < batch::Batch::capacity) batch.readings.push_back(other);
  while (!batch.full()) cohort.tick(start + 60'000'000, batch);
  CHECK(batch.readings.size() == batch::Batch::capacity);
  const Timestamp next = cohort.next_due();
  CHECK(cohort.tick(start + 60'000'000, batch).due == 0);
  CHECK(cohort.next_due() == next);
}

TEST_CASE("due_before is what ticks produce, for random fleets, rates and ends") {
  for (std::uint64_t which = 10; which < 40; ++which) {
    const identity::Roster roster = random_roster(which, 60);
    const Timestamp until =
        start + static_cast<Microseconds>(uniform_below(mix_words(which, 77), 30'000'000));
    fleet::Fleet fleet = fleet_of(roster, all_of(roster), restless());
    const std::uint64_t expected = fleet.due_before(until);
    const Taken taken = tick_in_windows(fleet, start, until, 1'000'000);
    CAPTURE(which);
    CHECK(taken.tally.due == expected);
    CHECK(taken.tally.due == taken.readings.size() + taken.tally.missing);
    CHECK(fleet.due_before(start) == 0);
    for (const fleet::Cohort& cohort : fleet.cohorts()) CHECK(cohort.next_due() >= until);
    // Each sensor has as many readings as its own rate and phase say, and each at its own time.
    std::set<std::pair<std::uint32_t, Timestamp>> moments;
    for (const batch::Reading& reading : taken.readings) {
      const Cadence cadence(fleet::rate_of(roster, roster[reading.sensor], restless()));
      const Microseconds since =
          reading.due - start - model::phase_of(hash_text(roster[reading.sensor].id), cadence);
      CHECK(cadence.offset(cadence.count_before(since)) == since);
      CHECK(moments.emplace(reading.sensor, reading.due).second);
    }
  }
}

TEST_CASE("the moment of the nth reading is when ticks take it") {
  for (const double fast : {250'000.0, 125'000.0, 83'333.3}) {
    identity::Roster roster;
    for (int i = 0; i < 300; ++i) {
      const std::string id = "sensor-" + std::to_string(i);
      roster.add(i % 100 == 0 ? with_rate(identity_of(id), fast)
                              : with_rate(identity_of(id), i % 2 == 0 ? 2'000 : 3.7));
    }
    fleet::Fleet fleet = fleet_of(roster, all_of(roster), config::Config());
    std::vector<Timestamp> due;
    batch::Batch batch;
    for (fleet::Cohort& cohort : fleet.cohorts()) {
      while (cohort.next_due() < start + 20'000) {
        const Timestamp moment = cohort.next_due();
        due.insert(due.end(), cohort.tick(moment + 1, batch).due, moment);
        batch.clear();
      }
    }
    std::ranges::sort(due);
    REQUIRE(due.size() > 10'000);
    for (std::size_t nth = 1; nth <= due.size(); nth += nth < 10 ? 1 : 97) {
      CAPTURE(nth);
      CHECK(fleet.moment_of(nth, start) == due[nth - 1]);
      CHECK(fleet.moment_of(nth, due[nth - 1]) == due[nth - 1]);
    }
    CHECK(fleet.moment_of(1ull << 62, start) == latest_timestamp);
  }
}

TEST_CASE("windows of a millisecond, a second or an hour give the same readings and events") {
  const identity::Roster roster = random_roster(3, 50);
  std::vector<ReadingKey> readings;
  std::vector<EventKey> events;
  for (const Microseconds window : {1'000ll, 50'000ll, 1'000'000ll, 3'600'000'000ll}) {
    fleet::Fleet fleet = fleet_of(roster, all_of(roster), restless());
    const Taken taken = tick_in_windows(fleet, start, start + 40'000'000, window);
    if (readings.empty()) {
      readings = sorted_readings(taken);
      events = sorted_events(taken);
      CHECK(readings.size() > 5'000);
      CHECK(events.size() > 100);
    }
    CAPTURE(window);
    CHECK(sorted_readings(taken) == readings);
    CHECK(sorted_events(taken) == events);
  }
}

TEST_CASE("a fleet that goes on at any moment brings the rest of the readings and events") {
  for (std::uint64_t which = 50; which < 80; ++which) {
    const identity::Roster roster = random_roster(which, 40);
    const Timestamp until = start + 40'000'000;
    const Timestamp moment =
        start + static_cast<Microseconds>(uniform_below(mix_words(which, 5), 40'000'000));
    fleet::Fleet whole = fleet_of(roster, all_of(roster), restless());
    Taken taken = tick_in_windows(whole, start, moment, 1'000'000);
    fleet::PastAnomalies past;
    for (const batch::AnomalyEvent& event : taken.events)
      past[event.sensor] = {{.type = event.type}, event.started_at};
    const std::size_t readings_before = taken.readings.size();

    fleet::Fleet resumed = fleet_of(roster, all_of(roster), restless());
    resumed.resume_at(moment, past);
    CHECK(resumed.due_before(moment) == whole.due_before(moment));
    const Taken rest = tick_in_windows(whole, moment, until, 1'000'000);
    const Taken brought = tick_in_windows(resumed, moment, until, 1'000'000);
    CAPTURE(which);
    CHECK(readings_before + rest.readings.size() > 0);
    CHECK(sorted_readings(brought) == sorted_readings(rest));
    CHECK(sorted_events(brought) == sorted_events(rest));
    batch::Batch open;
    batch::Batch open_of_resumed;
    for (std::size_t i = 0; i < whole.cohorts().size(); ++i) {
      std::ranges::copy(whole.cohorts()[i].open_anomalies(), std::back_inserter(open.events));
      std::ranges::copy(resumed.cohorts()[i].open_anomalies(), std::back_inserter(open_of_resumed.events));
    }
    Taken left;
    Taken left_of_resumed;
    left.add(open);
    left_of_resumed.add(open_of_resumed);
    CHECK(sorted_events(left) == sorted_events(left_of_resumed));
  }
}

TEST_CASE("a sensor's readings do not depend on the fleet around it") {
  identity::Roster small;
  identity::Roster large;
  for (int i = 0; i < 20; ++i) small.add(identity_of("sensor-" + std::to_string(i)));
  for (int i = 1'999; i >= 0; --i) large.add(identity_of("sensor-" + std::to_string(i)));
  const auto readings_by_id = [](const identity::Roster& roster) {
    fleet::Fleet fleet = fleet_of(roster, all_of(roster), restless());
    std::map<std::pair<std::string, Timestamp>, batch::Values> values;
    for (const batch::Reading& r : tick_in_windows(fleet, start, start + 10'000'000, 1'000'000).readings) {
      values.emplace(std::pair(std::string(roster[r.sensor].id), r.due), r.values);
    }
    return values;
  };
  const auto few = readings_by_id(small);
  const auto many = readings_by_id(large);
  CHECK(few.size() > 150);
  CHECK(std::includes(many.begin(), many.end(), few.begin(), few.end()));
}

namespace {

// The last state of each anomaly, by sensor and onset.
using History = std::map<std::pair<std::uint32_t, Timestamp>, batch::AnomalyEvent>;

History history_of(const std::vector<batch::AnomalyEvent>& events) {
  History history;
  for (const batch::AnomalyEvent& event : events) {
    using Kind = batch::AnomalyEvent::Kind;
    const std::pair key(event.sensor, event.started_at);
    const bool begins = event.kind == Kind::opened || event.kind == Kind::whole;
    CHECK(history.contains(key) != begins);
    if (history.contains(key)) {
      CHECK(history[key].kind == Kind::opened);
      CHECK(history[key].type == event.type);
      CHECK(history[key].channel == event.channel);
      CHECK(history[key].direction == event.direction);
      CHECK(history[key].magnitude == event.magnitude);
    }
    history[key] = event;
  }
  return history;
}

// The event that a moment of a sensor lies in; none when it lies in none.
const batch::AnomalyEvent* event_at(const History& history, std::uint32_t sensor, Timestamp due) {
  auto after = history.upper_bound({sensor, due});
  if (after == history.begin()) return nullptr;
  const batch::AnomalyEvent& event = std::prev(after)->second;
  return event.sensor == sensor && due <= event.ended_at ? &event : nullptr;
}

}  // namespace

TEST_CASE("every affected reading lies in exactly one event, which counts it, and every gap is an event") {
  const config::Config config = restless();
  const identity::Roster roster = random_roster(4, 80);
  fleet::Fleet fleet = fleet_of(roster, all_of(roster), config);
  const Timestamp until = start + 60'000'000;
  Taken taken = tick_in_windows(fleet, start, until, 1'000'000);
  std::size_t open = 0;
  for (const fleet::Cohort& cohort : fleet.cohorts()) {
    batch::Batch batch;
    batch.events = cohort.open_anomalies();
    for (const batch::AnomalyEvent& event : batch.events) {
      CHECK(event.kind == batch::AnomalyEvent::Kind::progressed);
      ++open;
    }
    taken.add(batch);
  }
  CHECK(open > 5);
  const History history = history_of(taken.events);
  CHECK(history.size() == std::accumulate(taken.tally.anomalies.begin(), taken.tally.anomalies.end(), 0u));

  // Spans of one sensor never overlap.
  for (auto event = history.begin(); std::next(event) != history.end(); ++event) {
    const batch::AnomalyEvent& next = std::next(event)->second;
    if (next.sensor == event->second.sensor) CHECK(event->second.ended_at < next.started_at);
  }

  std::map<std::pair<std::uint32_t, Timestamp>, std::uint32_t> affected;
  std::map<std::pair<std::uint32_t, Timestamp>, const batch::Reading*> reading_at;
  for (const batch::Reading& reading : taken.readings) reading_at[{reading.sensor, reading.due}] = &reading;
  for (std::uint32_t i = 0; i < roster.size(); ++i) {
    const Cadence cadence(fleet::rate_of(roster, roster[i], config));
    const Timestamp first = start + model::phase_of(hash_text(roster[i].id), cadence);
    for (std::uint64_t k = 0; first + cadence.offset(k) < until; ++k) {
      const Timestamp due = first + cadence.offset(k);
      const batch::AnomalyEvent* event = event_at(history, i, due);
      const auto found = reading_at.find({i, due});
      if (found == reading_at.end()) {
        REQUIRE(event != nullptr);
        CHECK(event->type == AnomalyType::missing_data);
      } else {
        CHECK(found->second->anomaly == (event ? std::optional(event->type) : std::nullopt));
      }
      if (event != nullptr) ++affected[{i, event->started_at}];
    }
  }
  for (const auto& [key, event] : history) {
    CHECK(event.readings_affected == affected[key]);
    // An event is open exactly when readings are left of it; its sensor's next reading then lies in it.
    const Cadence cadence(fleet::rate_of(roster, roster[key.first], config));
    const Timestamp first = start + model::phase_of(hash_text(roster[key.first].id), cadence);
    const Timestamp next = first + cadence.offset(cadence.count_before(until - first));
    const bool ended =
        event.kind == batch::AnomalyEvent::Kind::closed || event.kind == batch::AnomalyEvent::Kind::whole;
    CHECK(ended == (next > event.ended_at));
  }
}

TEST_CASE("some anomalies of a run began before it, and none twice") {
  const identity::Roster roster = roster_of(500);
  fleet::Fleet fleet = fleet_of(roster, all_of(roster), restless());
  const Taken taken = tick_in_windows(fleet, start, start + 1'000'000, 1'000'000);
  const auto before =
      std::count_if(taken.events.begin(), taken.events.end(),
                    [](const batch::AnomalyEvent& event) { return event.started_at < start; });
  CHECK(before > 50);
}

TEST_CASE("a sensor's own parameters and rate take the place of the config's") {
  identity::IdentityRecord own = identity_of("own");
  own.overrides.rate = 5;
  own.overrides.normal_parameters["vibration"] = {7.0, 0.0, std::nullopt, std::nullopt};
  own.overrides.normal_parameters["voltage"] = {std::nullopt, std::nullopt, 12.2, 12.3};
  const identity::Roster roster = roster_of({own, identity_of("plain")});
  config::Config config;
  config.anomalies.enabled = false;
  CHECK(fleet::rate_of(roster, roster[0], config) == 5);
  CHECK(fleet::rate_of(roster, roster[1], config) == 1);
  fleet::Fleet fleet = fleet_of(roster, all_of(roster), config);
  CHECK(count_profiles(roster, config) == 2);
  int count = 0;
  for (const batch::Reading& reading :
       tick_in_windows(fleet, start, start + 10'000'000, 1'000'000).readings) {
    if (reading.sensor != 0) continue;
    ++count;
    CHECK(reading.values[1] == 7.0);
    CHECK(reading.values[2] >= 12.2);
    CHECK(reading.values[2] <= 12.3);
  }
  CHECK(count == 50);
}

TEST_CASE("an aligned fleet is read at multiples of each sensor's interval, wherever it starts or goes on") {
  const Microseconds minute = 60 * microseconds_per_second;
  std::vector<identity::IdentityRecord> records;
  for (int i = 0; i < 30; ++i) records.push_back(identity_of("s" + std::to_string(i)));
  for (std::size_t i = 0; i < 10; ++i) records[i].overrides.rate = Rate::every(7 * microseconds_per_second);
  for (std::size_t i = 10; i < 15; ++i) records[i].overrides.rate = 0.1;
  const identity::Roster roster = roster_of(records);
  config::Config config = restless();
  config.simulation.rate = Rate::every(minute);
  config.simulation.phase = Phase::aligned;
  const Timestamp until = start + 20 * minute;
  fleet::Fleet fleet = fleet_of(roster, all_of(roster), config);
  const Taken whole = tick_in_windows(fleet, start, until, 5'000'000);
  CHECK(whole.readings.size() > 1'500);
  for (const batch::Reading& reading : whole.readings) {
    const Microseconds interval = reading.sensor < 10 ? 7'000'000 : reading.sensor < 15 ? 10'000'000 : minute;
    CHECK(reading.due % interval == 0);
  }
  CHECK(fleet.due_before(until) == whole.tally.due);

  fleet::Fleet later = fleet_of(roster, all_of(roster), config);
  const Timestamp moment = start + 8 * minute + 1;
  fleet::PastAnomalies past;
  for (const batch::AnomalyEvent& event : whole.events) {
    if (event.started_at >= moment) continue;
    fleet::PastAnomaly& latest =
        past.try_emplace(event.sensor, fleet::PastAnomaly{{.type = event.type}, event.started_at})
            .first->second;
    if (event.started_at > latest.started_at) latest = {{.type = event.type}, event.started_at};
  }
  later.resume_at(moment, past);
  std::vector<ReadingKey> rest = sorted_readings(whole);
  std::erase_if(rest, [&](const ReadingKey& reading) { return std::get<1>(reading) < moment; });
  CHECK(sorted_readings(tick_in_windows(later, moment, until, 1'000'000)) == rest);
}

TEST_CASE("the config's rate is the rate of sensors without their own") {
  config::Config config;
  config.simulation.rate = 20;
  const identity::Roster roster = roster_of(3);
  fleet::Fleet fleet = fleet_of(roster, all_of(roster), config);
  CHECK(fleet.due_before(start + 10'000'000) == 600);
}

TEST_CASE("sensors alike share one profile") {
  identity::Roster roster;
  for (int i = 0; i < 100; ++i) {
    identity::IdentityRecord record =
        identity_of("s" + std::to_string(i), i % 2 == 0 ? "Factory A" : "Factory B - Line 7");
    record.model = i % 4 < 2 ? "TempVibe-1000" : "TempVibe-3000";
    roster.add(record);
  }
  CHECK(count_profiles(roster, config::Config()) == 2);
}

TEST_CASE("own limits that cross the config's are a problem that says what to give") {
  identity::IdentityRecord crossed = identity_of("hot");
  crossed.overrides.normal_parameters["temperature"].min = 90.0;
  identity::IdentityRecord fine = identity_of("fine");
  fine.overrides.normal_parameters["temperature"] = {95.0, std::nullopt, 90.0, 99.0};
  identity::IdentityRecord elsewhere = identity_of("elsewhere");
  elsewhere.overrides.normal_parameters["voltage"].max = 1.0;
  const identity::Roster roster = roster_of({crossed, fine, identity_of("plain"), elsewhere});
  Problems problems;
  fleet::check_members(roster, all_of(roster), config::Config(), problems);
  CHECK(problems.count() == 2);
  CHECK(problems.text().find("sensor 'hot': normal_parameters.temperature.min 90") != std::string::npos);
  CHECK(problems.text().find("must not be above max 80 once the config's values are filled in") !=
        std::string::npos);
  CHECK(problems.text().find("sensor 'elsewhere': normal_parameters.voltage.min 11.5") != std::string::npos);
  // Of sensors that other partitions simulate, nothing is said.
  Problems none;
  fleet::check_members(roster, std::vector<std::uint32_t>{1, 2}, config::Config(), none);
  CHECK(none.empty());
}

TEST_CASE("readings are counted by firmware, however ticks are cut") {
  const std::vector<std::string> versions{"1.3", "1.4", "2.1"};
  identity::Roster roster;
  for (std::size_t i = 0; i < 700; ++i) {
    identity::IdentityRecord record = identity_of("s" + std::to_string(i));
    record.firmware_version = versions[uniform_below(mix_words(3, i), i < 350 ? 1 : versions.size())];
    if (i % 7 == 0) record.overrides.rate = 3;
    roster.add(record);
  }
  const config::Config config = restless();
  for (const Microseconds window : {7'000, 333'000, 1'000'000, 60'000'000}) {
    CAPTURE(window);
    fleet::Fleet fleet = fleet_of(roster, all_of(roster), config);
    const Taken taken = tick_in_windows(fleet, start, start + 5 * microseconds_per_second, window);
    PerFirmware<std::uint64_t> readings{};
    PerFirmware<std::uint64_t> anomalous{};
    PerFirmware<double> expected{};
    const auto profile_of = [&](std::uint32_t sensor) {
      return fleet.profiles()->find_or_resolve(roster[sensor]).profile;
    };
    for (std::uint32_t sensor = 0; sensor < roster.size(); ++sensor) {
      const model::Profile& profile = *profile_of(sensor);
      const Cadence cadence = fleet::cadence_of(roster, roster[sensor], config);
      const Timestamp first = cadence.origin(start) + model::phase_of(hash_text(roster[sensor].id), cadence);
      const std::uint64_t due = cadence.count_before(start + 5 * microseconds_per_second - first);
      readings[profile.firmware] += due;
      expected[profile.firmware] += static_cast<double>(due) * profile.steady_until.back();
    }
    for (const batch::Reading& reading : taken.readings) {
      if (reading.anomaly) ++anomalous[profile_of(reading.sensor)->firmware];
    }
    std::uint64_t all_anomalous = taken.tally.missing;
    for (std::size_t i = 0; i < versions.size(); ++i) {
      CHECK(taken.tally.by_firmware[i].readings == readings[i]);
      CHECK(taken.tally.by_firmware[i].expected == doctest::Approx(expected[i]));
      CHECK(taken.tally.by_firmware[i].anomalous >= anomalous[i]);
      all_anomalous += anomalous[i];
    }
    CHECK(std::accumulate(taken.tally.by_firmware.begin(), taken.tally.by_firmware.end(), std::uint64_t{0},
                          [](std::uint64_t sum, const FirmwareCounts& one) { return sum + one.anomalous; }) ==
          all_anomalous);
    CHECK(taken.tally.by_firmware[1].readings > 0);
  }
}

TEST_CASE("a tally adds up") {
  fleet::Tally tally{1, 4, 2, {3, 0, 5}};
  tally += fleet::Tally{10, 40, 20, {30, 4}};
  CHECK(tally.due == 11);
  CHECK(tally.missing == 22);
  CHECK(tally.anomalies == PerAnomalyType<std::uint64_t>{33, 4, 5, 0, 0});
  CHECK(tally.skipped == 44);
}

}  // namespace fleet_sim::fleet_test
