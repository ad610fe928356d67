// Reloads: what counts as a change, and that a fleet that is changed while it runs loses, repeats and alters
// nothing of the sensors that stay.
#include <doctest/doctest.h>
#include <utime.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/clock.h"
#include "config/config_changes.h"
#include "config/load_config.h"
#include "files/file_watcher.h"
#include "fleet/fleet.h"
#include "identity/identity_changes.h"
#include "support/rosters.h"
#include "support/temporary_folder.h"

namespace fleet_sim::reload_test {

using namespace fleet_sim::test;

namespace {

constexpr Timestamp start = 1'767'225'600'123'456;
constexpr Microseconds a_second = microseconds_per_second;
constexpr std::uint64_t seed = 4711;

void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

// As though it had been written long ago: otherwise a watcher looks again for a while. Its time of change
// cannot be set, which is why read_at lies in the future below.
constexpr Microseconds long_enough = 10 * a_second;

files::FileWatcher watcher_of(const std::filesystem::path& path) {
  return files::FileWatcher({path}, system_now() + long_enough);
}

// A reading with the values that make it comparable bit for bit, by its sensor's id.
using Row = std::tuple<std::string, Timestamp, batch::Values, std::optional<AnomalyType>>;
using EventRow =
    std::tuple<std::string, Timestamp, AnomalyType, batch::AnomalyEvent::Kind, Timestamp, std::uint32_t>;

struct Taken {
  std::vector<Row> rows;
  std::vector<EventRow> events;
  std::uint64_t due = 0;
};

void take(fleet::Fleet& fleet, const identity::Roster& roster, Timestamp until, Taken& taken) {
  batch::Batch batch;
  const auto add = [&](const batch::AnomalyEvent& e) {
    taken.events.emplace_back(roster[e.sensor].id, e.started_at, e.type, e.kind, e.ended_at,
                              e.readings_affected);
  };
  for (fleet::Cohort& cohort : fleet.cohorts()) {
    while (cohort.next_due() < until) {
      taken.due += cohort.tick(until, batch).due;
      for (const batch::Reading& r : batch.readings)
        taken.rows.emplace_back(roster[r.sensor].id, r.due, r.values, r.anomaly);
      for (const batch::AnomalyEvent& e : batch.events) add(e);
      batch.clear();
    }
  }
}

template <class Rows>
Rows of_sensors(const Rows& rows, const std::set<std::string>& ids, Timestamp from = earliest_timestamp) {
  Rows some;
  std::ranges::copy_if(rows, std::back_inserter(some), [&](const auto& row) {
    return ids.contains(std::get<0>(row)) && std::get<1>(row) >= from;
  });
  std::ranges::sort(some);
  return some;
}

config::Config restless() {
  config::Config config;
  config.anomalies.probability = 0.4;
  for (auto& type : config.anomalies.types) type.duration_seconds = 15;
  return config;
}

fleet::Fleet fleet_of(const identity::Roster& roster, const config::Config& config) {
  const auto members = all_of(roster);
  return fleet::build_fleet(roster, members, std::vector<std::uint32_t>(members.size(), 0), config, seed,
                            start);
}

fleet::WantedSensor becoming(std::uint32_t from, std::uint32_t to, bool to_another_shard = false) {
  return {from, to, 0, 0, to_another_shard};
}

std::set<std::string> ids_between(std::size_t from, std::size_t to) {
  std::set<std::string> ids;
  for (; from < to; ++from) ids.insert("sensor-" + std::to_string(from));
  return ids;
}

}  // namespace

TEST_CASE("what becomes of a few sensors among many takes little") {
  identity::Roster roster = roster_of(10'000);
  const config::Config config;
  fleet::Fleet fleet = fleet_of(roster, config);
  const std::uint32_t other = roster.add(identity_of("sensor-7000", "Elsewhere"));
  const std::vector<fleet::WantedSensor> wanted{becoming(7'000, other)};
  const fleet::FleetChange change =
      fleet::plan_fleet_change(config, fleet.profiles(), wanted, std::vector<std::uint32_t>{7'002});
  CHECK(change.fates.size() == 3);
  CHECK(change.fate_of(7'000).kind == fleet::Fate::Kind::changes);
  CHECK(change.fate_of(7'002).kind == fleet::Fate::Kind::leaves);
  for (const std::uint32_t index : {0u, 6'999u, 7'001u, 7'003u, other})
    CHECK(change.fate_of(index).kind == fleet::Fate::Kind::stays);
}

TEST_CASE("a config is compared key by key, behaviors effect by effect") {
  config::Config from;
  config::Config to;
  CHECK(config::config_changes(from, to).empty());
  to.anomalies.probability = 0.2;
  to.sqlite.path = "other/file.db";
  to.behaviors.firmware["1.5"] = config::Behavior{};
  to.behaviors.firmware["1.4"].probability = 0.5;
  std::map<std::string, config::ConfigChange> by_key;
  for (const config::ConfigChange& change : config::config_changes(from, to))
    by_key.emplace(change.key, change);
  CHECK(config::change_text(by_key.at("anomalies.probability")) == "anomalies.probability 0.05 -> 0.2");
  CHECK(by_key.at("anomalies.probability").at_once);
  CHECK(!by_key.at("database.path").at_once);
  CHECK(config::change_text(by_key.at("behaviors.firmware.\"1.4\".probability")) ==
        "behaviors.firmware.\"1.4\".probability 0.7 -> 0.5");
  CHECK(by_key.at("behaviors.firmware.\"1.5\".daily").from == "none");
}

TEST_CASE("equal values are no change, however they were written") {
  const auto read = [](const std::string& text) {
    Problems problems;
    config::Config config = config::read_config(text, "config", problems);
    REQUIRE(problems.text() == "");
    return config;
  };
  const std::pair<std::string, std::string> same[] = {
      {"anomalies: {probability: 0.50}", "anomalies: {probability: 0.5}"},
      {"simulation: {run_time_seconds: 10m}", "simulation: {run_time_seconds: 600}"},
      {"simulation: {readings_per_second: 1e1}", "simulation: {readings_per_second: '10'}"},
      {"simulation: {seed: random}", "{}"},
      {"logging: {level: warn, quiet: Yes}", "logging: {level: WARNING, quiet: true}"},
      {"sharding: {by: node}", "sharding: {by: Sensor}"},
      {"clock: {utc_offset: UTC, start: 2026-01-31}",
       "clock: {utc_offset: '+00:00', start: 2026-01-31T00:00:00Z}"},
      {"fleet: {identities: one}", "fleet: {identities: [one]}"},
      {"behaviors: {firmware: {1.4.0: {probability: 0.70, noise: {voltage: 1.0}}}}", "{}"},
      {"behaviors: {location: {Outdoor: {spike_factor: {min: 2.0}}}}",
       "behaviors: {location: {Outdoor: {spike_factor: {max: 3, min: 2}}}}"}};
  for (const auto& [one, other] : same) {
    CAPTURE(one);
    CHECK(config::config_changes(read(one), read(other)).empty());
  }
  CHECK(config::config_changes(read("anomalies: {probability: 0.50}"), read("anomalies: {probability: 0.51}"))
            .size() == 1);
}

TEST_CASE("an effect that an entry has no more is a change, and what entries leave as it is is none") {
  config::Config from;
  config::Config to;
  from.behaviors.firmware["9"].noise_factor = 0.2;
  to.behaviors.firmware["9"].severity = 2;
  from.behaviors.model["last"].daily = 2;
  std::vector<std::string> texts;
  for (const config::ConfigChange& change : config::config_changes(from, to)) {
    CHECK(change.at_once);
    if (change.key.starts_with("behaviors.firmware") || change.key.ends_with("daily"))
      texts.push_back(config::change_text(change));
  }
  CHECK(texts == std::vector<std::string>{"behaviors.firmware.\"9\".severity 1 -> 2",
                                          "behaviors.firmware.\"9\".noise_factor 0.2 -> none",
                                          "behaviors.model.\"last\".daily 2 -> none"});
}

TEST_CASE("adopting takes exactly what applies at once") {
  const config::Config running;
  for (const config::ConfigKey& key : config::config_keys()) {
    CAPTURE(key.name);
    if (key.secret) continue;  // takes none of the texts below
    config::Config wanted;
    for (const char* text :
         {"0.3",        "7",    "false",   "true",          "event",  "ERROR",   "3",        "+02:00",
          "2026-01-01", "null", "full",    "skip",          "json",   "1/2",     "location", "2048",
          "9s",         "a/b",  "aligned", "Europe/Berlin", "graded", "compact", "off"}) {
      if (key.set(wanted, text).empty() && key.get(wanted) != key.get(running)) break;
      wanted = config::Config();
    }
    REQUIRE(key.get(wanted) != key.get(running));
    CHECK((key.get(config::adopt(running, wanted)) == key.get(wanted)) == key.at_once);
  }
}

TEST_CASE("a watcher sees content, names and links change, and nothing else") {
  const TemporaryFolder folder;
  const std::filesystem::path files = folder / "files";
  std::filesystem::create_directory(files);
  write(files / "a.json", "1");
  files::FileWatcher watcher = watcher_of(files);
  CHECK(!watcher.look());
  SUBCASE("rewritten") {
    write(files / "a.json", "22");
  }
  SUBCASE("added") {
    write(files / "b.json", "1");
  }
  SUBCASE("removed") {
    std::filesystem::remove(files / "a.json");
  }
  SUBCASE("renamed") {
    std::filesystem::rename(files / "a.json", files / "c.json");
  }
  SUBCASE("gone altogether") {
    std::filesystem::remove_all(files);
  }
  CHECK(watcher.look());
  CHECK(watcher.look());  // until it is taken up
}

TEST_CASE("a watcher looks through links") {
  const TemporaryFolder folder;
  for (const char* name : {"one", "two"}) {
    std::filesystem::create_directory(folder / name);
    write(std::filesystem::path(folder / name) / "a.json", "1");
  }
  std::filesystem::create_directory(folder / "mounted");
  const std::filesystem::path mounted = folder / "mounted";
  std::filesystem::create_directory_symlink("../one", mounted / "..data");
  std::filesystem::create_symlink("..data/a.json", mounted / "a.json");
  files::FileWatcher file = watcher_of(mounted / "a.json");
  CHECK(!file.look());
  std::filesystem::create_directory_symlink("../two", mounted / "..new");
  std::filesystem::rename(mounted / "..new", mounted / "..data");
  CHECK(file.look());
}

TEST_CASE("what was written just before it was read is looked at again") {
  const TemporaryFolder folder;
  write(folder / "a.json", "1");
  files::FileWatcher watcher({folder / "a.json"}, system_now());
  CHECK(watcher.look());
}

TEST_CASE("identities are compared by id and by all they say") {
  const identity::Roster running =
      roster_of({identity_of("a"), identity_of("b"), identity_of("c"), identity_of("d")});
  identity::IdentityRecord moved = identity_of("b", "Outdoor - Roof");
  const identity::Roster wanted =
      roster_of({with_rate(identity_of("c"), 5), identity_of("a"), moved, identity_of("e")});
  const identity::IdentityChanges changes =
      identity::compare_identities(running, all_of(running), wanted, all_of(wanted));
  CHECK(changes.added == std::vector<std::uint32_t>{3});
  CHECK(changes.removed == std::vector<std::uint32_t>{3});
  REQUIRE(changes.changed.size() == 2);
  CHECK(identity::changes_text(changes, running, wanted) ==
        "1 added (e), 2 changed (c: its numbers, b: location Office -> Outdoor - Roof), 1 removed (d)");
  CHECK(identity::compare_identities(running, all_of(running), running, all_of(running)).empty());
}

TEST_CASE("a roster that grows leaves what it has where it is") {
  identity::Roster roster = roster_of(10);
  const identity::Identity* first = &roster[0];
  const char* text = roster[3].id.data();
  for (int i = 0; i < 100'000; ++i)
    roster.add(identity_of("more-" + std::to_string(i), "Place " + std::to_string(i)));
  CHECK(&roster[0] == first);
  CHECK(roster[3].id.data() == text);
}

TEST_CASE("sensors that stay read the same, whatever happens to the others") {
  constexpr std::size_t sensors = 3'000;
  const config::Config config = restless();
  identity::Roster roster = roster_of(sensors);
  fleet::Fleet undisturbed = fleet_of(roster, config);
  fleet::Fleet fleet = fleet_of(roster, config);
  const Timestamp moment = start + 20 * a_second + 345'678;
  const Timestamp end = moment + 40 * a_second;
  Taken expected;
  Taken taken;
  take(undisturbed, roster, end, expected);
  take(fleet, roster, moment, taken);

  // 0 … 499 leave, 500 … 999 get another rate, 1,000 … 1,499 another firmware, 1,500 … 1,999 move.
  std::vector<std::uint32_t> removed;
  std::vector<fleet::WantedSensor> wanted;
  for (std::uint32_t i = 0; i < 500; ++i) removed.push_back(i);
  for (std::uint32_t i = 500; i < 2'000; ++i) {
    identity::IdentityRecord record = roster.record(roster[i]);
    if (i < 1'000) record.overrides.rate = 4;
    if (i >= 1'000 && i < 1'500) record.firmware_version = "1.4";
    if (i >= 1'500) record.location = "Warehouse";
    wanted.push_back(becoming(i, roster.add(record), i >= 1'500));
  }
  for (std::size_t i = sensors; i < sensors + 500; ++i)
    wanted.push_back(
        {std::nullopt, roster.add(identity_of("sensor-" + std::to_string(i))), std::nullopt, 0, false});
  fleet::FleetChange change = fleet::plan_fleet_change(config, fleet.profiles(), wanted, removed);
  fleet.apply(change, moment);
  CHECK(fleet.size() == sensors);
  take(fleet, roster, end, taken);

  const auto staying = ids_between(2'000, sensors);
  CHECK(of_sensors(taken.rows, staying) == of_sensors(expected.rows, staying));
  CHECK(of_sensors(taken.events, staying) == of_sensors(expected.events, staying));
  CHECK(taken.due == fleet.due_before(end));

  // No (sensor, due) twice, and nothing of those that left after they did.
  std::set<std::pair<std::string, Timestamp>> seen;
  for (const Row& row : taken.rows) CHECK(seen.emplace(std::get<0>(row), std::get<1>(row)).second);
  CHECK(of_sensors(taken.rows, ids_between(0, 500), moment).empty());

  // Everything else is due where a fleet that began so would have it, in every period from the moment on.
  identity::Roster after;
  for (const fleet::WantedSensor& sensor : wanted) after.add(roster.record(roster[sensor.to]));
  fleet::Fleet begun_so = fleet_of(after, config);
  const auto dues = [&](const std::vector<Row>& rows) {
    std::set<std::pair<std::string, Timestamp>> due;
    for (const Row& row : of_sensors(rows, ids_between(500, sensors + 500), moment)) {
      if (!staying.contains(std::get<0>(row))) due.emplace(std::get<0>(row), std::get<1>(row));
    }
    return due;
  };
  std::uint64_t due_by_arithmetic = begun_so.due_before(end) - begun_so.due_before(moment);
  Taken so;
  take(begun_so, after, end, so);
  // Missing readings have no row, so the sets differ by them only; without anomalies they are equal.
  std::vector<Row> normal;
  std::map<std::pair<std::string, Timestamp>, batch::Values> values_so;
  for (const Row& row : of_sensors(so.rows, ids_between(500, sensors + 500), moment)) {
    if (!std::get<3>(row)) values_so.emplace(std::pair(std::get<0>(row), std::get<1>(row)), std::get<2>(row));
  }
  std::size_t compared = 0;
  for (const Row& row : of_sensors(taken.rows, ids_between(500, sensors + 500), moment)) {
    if (std::get<3>(row) || staying.contains(std::get<0>(row))) continue;
    const auto same = values_so.find({std::get<0>(row), std::get<1>(row)});
    if (same == values_so.end()) continue;
    CHECK(same->second == std::get<2>(row));
    ++compared;
  }
  CHECK(compared > dues(taken.rows).size() / 3);
  CHECK(fleet.due_before(end) ==
        undisturbed.due_before(moment) + due_by_arithmetic +
            (undisturbed.due_before(end) - undisturbed.due_before(moment)) / sensors * staying.size());
}

TEST_CASE("an anomaly goes on through a change that leaves it true, and ends where it does not") {
  constexpr std::size_t sensors = 1'000;
  const config::Config config = restless();
  identity::Roster roster = roster_of(sensors);
  fleet::Fleet fleet = fleet_of(roster, config);
  const Timestamp moment = start + 20 * a_second;
  Taken taken;
  take(fleet, roster, moment, taken);
  std::map<std::string, AnomalyType> open;
  for (const EventRow& event : taken.events) {
    const auto kind = std::get<3>(event);
    if (kind == batch::AnomalyEvent::Kind::opened) open.emplace(std::get<0>(event), std::get<2>(event));
    if (kind == batch::AnomalyEvent::Kind::closed) open.erase(std::get<0>(event));
  }
  REQUIRE(open.size() > 100);
  bool moves = false;
  SUBCASE("moved to another shard") {
    moves = true;
  }
  SUBCASE("other firmware") {
    moves = false;
  }
  std::vector<fleet::WantedSensor> wanted;
  for (std::uint32_t i = 0; i < sensors; ++i) {
    identity::IdentityRecord record = roster.record(roster[i]);
    record.firmware_version = "1.4";  // noise is weaker there
    wanted.push_back(becoming(i, roster.add(record), moves));
  }
  fleet::FleetChange change = fleet::plan_fleet_change(config, fleet.profiles(), wanted, {});
  fleet.apply(change, moment);
  std::size_t expected = 0;
  for (const auto& [id, type] : open) expected += moves || type == AnomalyType::noise ? 1 : 0;
  CHECK(change.anomalies.size() == expected);
  for (const fleet::ChangedAnomaly& cut : change.anomalies) {
    CHECK(cut.event.kind == batch::AnomalyEvent::Kind::closed);
    CHECK(cut.event.ended_at == moment - 1);
    CHECK(cut.event.sensor < sensors);  // the row is where the sensor was
    CHECK(open.at(std::string(roster[cut.event.sensor].id)) == cut.event.type);
  }
}

TEST_CASE("another rate for all moves the whole fleet to it") {
  const config::Config config = restless();
  identity::Roster roster = roster_of(2'500);
  fleet::Fleet fleet = fleet_of(roster, config);
  const Timestamp moment = start + 3 * a_second + 500'000;
  Taken taken;
  take(fleet, roster, moment, taken);
  const std::uint64_t due_so_far = taken.due;
  std::set<std::pair<std::string, Timestamp>> open;  // by sensor and start
  const auto follow = [&open](const EventRow& event) {
    const std::pair anomaly(std::get<0>(event), std::get<1>(event));
    if (std::get<3>(event) == batch::AnomalyEvent::Kind::opened) open.insert(anomaly);
    if (std::get<3>(event) == batch::AnomalyEvent::Kind::closed) open.erase(anomaly);
  };
  std::ranges::for_each(taken.events, follow);
  const std::size_t open_at_the_change = open.size();
  CHECK(open_at_the_change > 500);
  taken.events.clear();
  config::Config faster = config;
  faster.simulation.rate = 2.5;
  std::vector<fleet::WantedSensor> everyone;
  for (const std::uint32_t i : all_of(roster)) everyone.push_back(becoming(i, i));
  fleet::FleetChange change = fleet::plan_fleet_change(
      config, std::make_shared<fleet::ProfileTable>(roster, std::make_shared<const config::Config>(faster)),
      everyone, {});
  fleet.apply(change, moment);
  CHECK(fleet.readings_per_second() == doctest::Approx(2'500 * 2.5));
  take(fleet, roster, moment + 70 * a_second, taken);
  CHECK(taken.due == fleet.due_before(moment + 70 * a_second));
  CHECK(taken.due - due_so_far == 2'500 * 175);
  CHECK(std::ranges::all_of(change.anomalies, [](const fleet::ChangedAnomaly& changed) {
    return changed.event.kind == batch::AnomalyEvent::Kind::progressed;
  }));
  std::ranges::sort(taken.events, {}, [](const EventRow& event) { return std::get<4>(event); });
  std::size_t went_on = 0;
  for (const EventRow& event : taken.events) {
    const bool closed = std::get<3>(event) == batch::AnomalyEvent::Kind::closed;
    if (closed && open.contains({std::get<0>(event), std::get<1>(event)})) ++went_on;
  }
  CHECK(went_on == open_at_the_change);
}

TEST_CASE("what events tell agrees with the readings when every rate changes") {
  config::Config config = restless();
  for (auto& type : config.anomalies.types) type.duration_seconds = 2.7;
  identity::Roster roster = roster_of(500);
  fleet::Fleet fleet = fleet_of(roster, config);
  const Timestamp moment = start + 20 * a_second + 400'000;
  Taken taken;
  take(fleet, roster, moment, taken);
  config::Config next = config;
  SUBCASE("slower") {
    next.simulation.rate = 0.15;
  }
  SUBCASE("faster") {
    next.simulation.rate = 7;
  }
  SUBCASE("faster, and noise is another") {
    next.simulation.rate = 7;
    next.behaviors.firmware["1.3"].noise_factor = 0.3;
  }
  std::vector<fleet::WantedSensor> everyone;
  for (const std::uint32_t i : all_of(roster)) everyone.push_back(becoming(i, i));
  fleet::FleetChange change = fleet::plan_fleet_change(
      config, std::make_shared<fleet::ProfileTable>(roster, std::make_shared<const config::Config>(next)),
      everyone, {});
  fleet.apply(change, moment);
  CHECK(change.anomalies.size() > 10);
  for (const auto& [writer, e] : change.anomalies) {
    taken.events.emplace_back(roster[e.sensor].id, e.started_at, e.type, e.kind, e.ended_at,
                              e.readings_affected);
  }
  take(fleet, roster, moment + 60 * a_second, taken);

  std::map<std::pair<std::string, Timestamp>, EventRow> last;  // by sensor and start
  for (const EventRow& event : taken.events) {
    last.insert_or_assign(std::pair(std::get<0>(event), std::get<1>(event)), event);
  }
  std::map<std::pair<std::string, Timestamp>, Row> rows;
  for (const Row& row : taken.rows) rows.emplace(std::pair(std::get<0>(row), std::get<1>(row)), row);
  std::size_t closed_before = 0;
  for (const auto& [key, event] : last) {
    const auto& [id, started_at, type, kind, ended_at, affected] = event;
    if (!batch::ends(kind)) {
      CHECK(ended_at >= moment + 58 * a_second);  // nothing from before stays open
      continue;
    }
    closed_before += started_at < moment ? 1 : 0;
    std::uint32_t there = 0;
    for (auto row = rows.lower_bound(key); row != rows.upper_bound({id, ended_at}); ++row, ++there) {
      CHECK(std::get<3>(row->second) == type);
    }
    if (type != AnomalyType::missing_data && started_at >= start) CHECK(there == affected);
  }
  CHECK(closed_before > 100);
}

TEST_CASE("who comes back is in no anomaly from before, whose time may be that of earlier readings") {
  const config::Config config = restless();
  identity::Roster roster = roster_of(300);
  for (const bool comes_back : {true, false}) {
    fleet::Fleet fleet = fleet_of(roster, config);
    Taken taken;
    take(fleet, roster, start + 5 * a_second, taken);
    std::vector<std::uint32_t> leaving;
    for (std::uint32_t i = 1; i < 300; ++i) leaving.push_back(i);
    fleet::FleetChange away = fleet::plan_fleet_change(config, fleet.profiles(), {}, leaving);
    fleet.apply(away, start + 5 * a_second);
    std::vector<fleet::WantedSensor> coming;
    for (const std::uint32_t i : leaving) coming.push_back({{}, i, {}, 0, false, comes_back});
    const Timestamp moment = start + 6 * a_second;
    fleet::FleetChange back = fleet::plan_fleet_change(config, fleet.profiles(), coming, {});
    taken = {};
    take(fleet, roster, moment, taken);
    fleet.apply(back, moment);
    take(fleet, roster, moment + 3 * a_second, taken);
    const auto from_before = std::ranges::count_if(taken.events, [&](const EventRow& event) {
      return std::get<0>(event) != "sensor-0" && std::get<1>(event) < moment;
    });
    CHECK((from_before == 0) == comes_back);
  }
}

}  // namespace fleet_sim::reload_test
