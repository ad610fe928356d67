// What a shard is found to hold of a run that goes on.
#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/found_shard.h"
#include "sqlite/shard.h"
#include "support/rosters.h"
#include "support/shard_reader.h"
#include "support/temporary_folder.h"
#include "tables/deliveries.h"
#include "write/shard_rows.h"

namespace fleet_sim::found_rows_test {

using namespace fleet_sim::test;

namespace {

using Verdict = write::FoundRows::Verdict;

constexpr Timestamp start = 1'767'225'600'000'000;
constexpr Microseconds second = 1'000'000;

batch::Reading reading_at(Microseconds after_start, std::uint32_t sensor, double value = 1) {
  return {start + after_start, {value, value, value}, sensor, std::nullopt};
}

batch::AnomalyEvent event_at(Microseconds after_start, std::uint32_t sensor) {
  return {start + after_start,
          start + after_start,
          {},
          sensor,
          1,
          AnomalyType::missing_data,
          batch::AnomalyEvent::Kind::opened,
          std::nullopt,
          0};
}

// A shard that runs write into one after the other.
struct Bench {
  void write(const std::string& run_id, const std::vector<batch::Reading>& readings,
             const std::vector<batch::AnomalyEvent>& events = {}) {
    tables::RunInfo run;
    run.run_id = run_id;
    run.start = start;
    const config::SqliteSettings settings;
    const sqlite::ShardContext context{roster, settings, run, {}};
    sqlite::Shard shard({path}, context);
    write::ShardRows rows;
    for (const batch::Reading& reading : readings) rows.stage(reading, {});
    for (const batch::AnomalyEvent& event : events) rows.stage(event, {});
    REQUIRE(shard.flush(rows.lot()).ok());
  }

  // Sensors 0 to 3 are ours, 4 is somebody else's.
  data::FindSensor find_sensor = [](std::string_view id) -> std::optional<std::uint32_t> {
    const std::uint32_t number = static_cast<std::uint32_t>(id.back() - '0');
    return number < 4 ? std::optional(number) : std::nullopt;
  };
  [[nodiscard]] data::FoundFile found() const { return {path, "run", find_sensor}; }

  TemporaryFolder folder;
  identity::Roster roster = roster_of(5);
  std::string path = folder / "shard.db";
};

}  // namespace

TEST_CASE("a file that is not there, is empty, or knows other runs only holds nothing") {
  Bench bench;
  const auto check_empty = [&bench] {
    data::FoundFile found = bench.found();
    CHECK(found.rows().complete_until() < start);
    CHECK(found.rows().judge(reading_at(0, 0)) == Verdict::absent);
    CHECK(found.read_events(start + second, bench.find_sensor).empty());
    CHECK_FALSE(found.rows().has_event(event_at(0, 0)));
  };
  check_empty();
  run_sql(bench.path, "PRAGMA journal_mode = WAL; VACUUM");  // made, and then the process was killed
  check_empty();
  bench.write("another", {reading_at(0, 0)}, {event_at(0, 0)});
  check_empty();
}

TEST_CASE("all but the last second is complete, and of that second each row is known") {
  Bench bench;
  // Windows of a second, rows in any order within them; sensor 1 did not get its last row.
  bench.write("run",
              {reading_at(100, 1), reading_at(0, 0), reading_at(second + 100, 1), reading_at(second, 0),
               reading_at(2 * second + 100, 1), reading_at(2 * second, 0), reading_at(3 * second, 0)});
  const data::FoundFile found = bench.found();
  CHECK(found.rows().complete_until() == start + 2 * second);
  CHECK(found.rows().has_reading(1, start + 100));
  CHECK(found.rows().has_reading(1, start + 2 * second + 100));
  CHECK_FALSE(found.rows().has_reading(1, start + 3 * second + 100));
  CHECK(found.rows().judge(reading_at(3 * second, 0)) == Verdict::present);
  CHECK(found.rows().judge(reading_at(3 * second, 1)) == Verdict::absent);
  CHECK(found.rows().judge(reading_at(2 * second, 2)) == Verdict::absent);
  CHECK(found.rows().judge(reading_at(4 * second, 0)) == Verdict::absent);
}

TEST_CASE("a row that says something else is told from one that is there") {
  Bench bench;
  bench.write("run", {reading_at(0, 0, 7)});
  const data::FoundFile found = bench.found();
  CHECK(found.rows().judge(reading_at(0, 0, 7)) == Verdict::present);
  CHECK(found.rows().judge(reading_at(0, 0, 7.000000000000001)) == Verdict::different);
  batch::Reading anomalous = reading_at(0, 0, 7);
  anomalous.anomaly = AnomalyType::spike;
  CHECK(found.rows().judge(anomalous) == Verdict::different);
}

TEST_CASE("rows of an earlier run at later times, and of other sensors, play no part") {
  Bench bench;
  bench.write("earlier", {reading_at(100 * second, 0), reading_at(200 * second, 1)},
              {event_at(50 * second, 0)});
  bench.write("run", {reading_at(0, 0)}, {event_at(0, 0)});
  for (int i = 0; i < 50; ++i)
    bench.write("other partition", {reading_at(i * second, 4)}, {event_at(i * second, 4)});
  data::FoundFile found = bench.found();
  CHECK(found.rows().complete_until() == start - second);
  CHECK(found.rows().judge(reading_at(0, 0)) == Verdict::present);
  CHECK(found.rows().judge(reading_at(100 * second, 0)) == Verdict::absent);
  const auto begun = found.read_events(start + 60 * second, bench.find_sensor);
  REQUIRE(begun.size() == 1);
  CHECK(begun[0].started_at == start);
}

TEST_CASE("events begun before the moment are told, later ones and the steady start's are known") {
  Bench bench;
  bench.write(
      "run", {reading_at(0, 0)},
      {event_at(-5 * second, 0), event_at(3 * second, 1), event_at(8 * second, 2), event_at(9 * second, 1)});
  data::FoundFile found = bench.found();
  const auto begun = found.read_events(start + 8 * second, bench.find_sensor);
  REQUIRE(begun.size() == 2);
  CHECK(begun[0].sensor == 0);
  CHECK(begun[0].request.type == AnomalyType::missing_data);
  CHECK(begun[1].started_at == start + 3 * second);
  CHECK(found.rows().has_event(event_at(-5 * second, 0)));
  CHECK_FALSE(found.rows().has_event(event_at(3 * second, 1)));  // will not come again
  CHECK(found.rows().has_event(event_at(8 * second, 2)));
  CHECK(found.rows().has_event(event_at(9 * second, 1)));
}

TEST_CASE("an event that has ended is not what it was before") {
  Bench bench;
  using Kind = batch::AnomalyEvent::Kind;
  std::vector<batch::AnomalyEvent> events{event_at(second, 0), event_at(second, 1), event_at(second, 2)};
  events[0].kind = events[2].kind = Kind::whole;
  events[0].ended_at = start + 5 * second;
  events[2].ended_at = start + 2 * second;
  bench.write("run", {reading_at(0, 0), reading_at(8 * second, 1)}, events);
  data::FoundFile found = bench.found();
  found.read_events(start + 3 * second, bench.find_sensor);
  const auto is_outdated = [&](std::uint32_t sensor, Microseconds as_of, Kind kind = Kind::progressed) {
    batch::AnomalyEvent event = event_at(second, sensor);
    event.kind = kind;
    event.as_of = start + as_of;
    return found.rows().is_outdated(event);
  };
  CHECK(is_outdated(0, 4 * second));
  CHECK(is_outdated(0, 8 * second));
  CHECK_FALSE(is_outdated(0, 8 * second + 1));  // a reload has made it go on
  CHECK_FALSE(is_outdated(0, 4 * second, Kind::closed));
  CHECK_FALSE(is_outdated(1, 4 * second));  // it is open
  CHECK_FALSE(is_outdated(2, 4 * second));  // it will not come again
}

TEST_CASE("of what delivery did, only what comes again is kept, and what waited") {
  using Kind = batch::Delivery::Kind;
  Bench bench;
  bench.write("run", {reading_at(0, 0)});
  std::string rows(tables::create_deliveries);
  const auto write = [&](int sensor, Kind kind, int due, int arrived_at = -1) {
    const auto at = [](int seconds) { return "'" + timestamp_text(start + seconds * second) + "'"; };
    rows +=
        "INSERT INTO deliveries (run_id, sensor_id, kind, sequence, due, arrived_at, readings) VALUES "
        "('run', "
        "'sensor-" +
        std::to_string(sensor) + "', '" + std::string(batch::name_of(kind)) + "', 1, " + at(due) + ", " +
        (arrived_at < 0 ? "NULL" : at(arrived_at)) + ", 1);";
  };
  write(0, Kind::late, 1, 3);
  write(1, Kind::hold, 10);
  write(2, Kind::hold, 15);
  write(1, Kind::drained, 10, 20);
  write(2, Kind::drained, 15, 30);
  write(1, Kind::hold, 40);
  write(1, Kind::drained, 40, 50);
  write(2, Kind::hold, 55);  // given up
  write(2, Kind::hold, 58);
  write(3, Kind::hold, 60);
  write(4, Kind::hold, 61);  // not ours
  write(0, Kind::late, 95, 105);
  write(2, Kind::drained, 58, 101);
  write(0, Kind::drop, 101);
  run_sql(bench.path, rows);

  data::FoundFile found = bench.found();
  const auto waiting = found.read_waiting(start + 100 * second, bench.find_sensor);
  std::vector<std::string> underway;
  const auto text = [](Timestamp at) {
    return at == latest_timestamp ? std::string("never") : std::to_string((at - start) / second);
  };
  for (const auto& one : waiting.underway)
    underway.push_back(std::to_string(one.sensor) + " " + std::string(batch::name_of(one.kind)) + " " +
                       text(one.due) + " " + text(one.arrives_at));
  std::ranges::sort(underway);
  CHECK(underway ==
        std::vector<std::string>{"0 late 95 105", "2 hold 55 never", "2 hold 58 101", "3 hold 60 never"});
  std::vector<std::string> holds;
  for (const auto& hold : waiting.holds) holds.push_back(text(hold.due) + " " + text(hold.arrived_at));
  CHECK(holds == std::vector<std::string>{"10 30", "40 50"});

  const auto seats = found.read_deliveries(start + 100 * second, bench.find_sensor);
  REQUIRE(seats.size() == 1);
  CHECK(text(seats[0].due) == "95");
  const auto has = [&](std::uint32_t sensor, Kind kind, int due) {
    return found.rows().has_delivery({start + due * second, std::nullopt, 1, 1, sensor, kind});
  };
  CHECK(has(0, Kind::drop, 101));
  CHECK_FALSE(has(0, Kind::late, 95));
  CHECK_FALSE(has(2, Kind::hold, 58));
}

TEST_CASE("of the intervals of an aging, those are told that had not ended") {
  Bench bench;
  std::vector<batch::AnomalyEvent> events;
  using Kind = batch::AnomalyEvent::Kind;
  for (const auto& [sensor, kind, end] :
       {std::tuple(0u, Kind::whole, 4 * second - 1), std::tuple(1u, Kind::whole, 4 * second),
        std::tuple(2u, Kind::opened, 9 * second), std::tuple(0u, Kind::opened, 9 * second)}) {
    events.push_back(event_at(0, sensor));
    events.back().type = AnomalyType::aging;
    events.back().cause = AnomalyCause::aging;
    events.back().kind = kind;
    events.back().ended_at = start + end;
  }
  bench.write("run", {reading_at(0, 0)}, events);
  data::FoundFile found = bench.found();
  CHECK(found.read_events(start + 4 * second, bench.find_sensor).empty());
  std::vector<std::uint32_t> sensors;
  for (const auto& [sensor, onset] : found.agings()) {
    sensors.push_back(sensor);
    CHECK(onset == start);
    CHECK_FALSE(found.rows().has_event(event_at(0, sensor)));
  }
  CHECK(sensors == std::vector<std::uint32_t>{1, 2, 0});
}

TEST_CASE("times and types that no run has written are refused by name") {
  for (const char* change :
       {"UPDATE sensor_readings SET timestamp = 'yesterday'",
        "UPDATE anomaly_events SET anomaly_type = 'fire'", "UPDATE anomaly_events SET started_at = ''",
        "UPDATE anomaly_events SET cause = 'magic'",
        "UPDATE anomaly_events SET cause = 'injected', channel = 'color'",
        "UPDATE anomaly_events SET cause = 'injected', severity = 1",  // which has none
        "UPDATE anomaly_events SET cause = 'injected', anomaly_type = 'noise', severity = 0.99",
        "UPDATE anomaly_events SET cause = 'injected', anomaly_type = 'noise', severity = 9e999",
        "UPDATE anomaly_events SET cause = 'aging', anomaly_type = 'aging', ended_at = 'soon'",
        "UPDATE anomaly_events SET cause = 'injected'; CREATE TABLE injected_anomalies (event_id INTEGER "
        "PRIMARY KEY, duration INTEGER); INSERT INTO injected_anomalies SELECT id, 0 FROM anomaly_events",
        "UPDATE anomaly_events SET cause = 'injected'; CREATE TABLE injected_anomalies (event_id INTEGER "
        "PRIMARY KEY, duration INTEGER); INSERT INTO injected_anomalies SELECT id, 9e18 FROM "
        "anomaly_events"}) {
    Bench bench;
    bench.write("run", {reading_at(0, 0)}, {event_at(0, 0)});
    run_sql(bench.path, change);
    CAPTURE(change);
    CHECK_THROWS_WITH_AS(bench.found().read_events(start + second, bench.find_sensor),
                         doctest::Contains("which fleet-sim never writes"), std::runtime_error);
  }
}

}  // namespace fleet_sim::found_rows_test
