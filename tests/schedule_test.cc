// The scheduler: the same readings with any number of threads, in order within a second, up to the end and no
// further, with books that balance wherever it is stopped.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "fleet/fleet.h"
#include "schedule/scheduler.h"
#include "support/rosters.h"

namespace fleet_sim::schedule_test {

using namespace fleet_sim::test;
using namespace std::chrono_literals;

namespace {

constexpr Timestamp start = 1'767'225'600'500'000;
constexpr Microseconds second = microseconds_per_second;

struct Bench {
  const identity::Roster& roster;
  config::Config config = {};
  std::uint32_t writers = 1;
  unsigned threads = 1;
  Timestamp end = start + 10 * second;
  std::optional<double> speed = {};
  SteadyTime started = std::chrono::steady_clock::now();
  std::size_t pool_size = 40;
  std::uint64_t stop_after = UINT64_MAX;  // readings
  std::function<void(schedule::Scheduler&, fleet::Fleet&, const Ledger&)> meanwhile = {};
  std::function<void(fleet::Agenda&, fleet::Fleet&)> plan = {};
  config::Overload overload = config::Overload::block;
  std::chrono::milliseconds stall = 0ms;  // before anything is taken from the queues
  Microseconds behind = 0;                // its clock, when it starts
  std::optional<std::uint64_t> count = {};
  bool by_sensor = false;
};

// What a run came to.
struct Result {
  std::vector<std::vector<batch::Reading>> readings;  // per writer, in the order of its queue
  std::vector<std::vector<batch::AnomalyEvent>> events;
  Books books;
  std::optional<Loss> skips;
  Timestamp reached = 0;
  std::uint64_t due_by_arithmetic = 0;
  Timestamp history_until = 0;
  bool has_counted = false;
  std::vector<std::uint32_t> last_of = {};  // sensors whose last batch came
  std::size_t rows_after_last = 0;          // of their shards

  [[nodiscard]] std::vector<batch::Reading> all() const {
    std::vector<batch::Reading> all;
    for (const auto& of_writer : readings) all.insert(all.end(), of_writer.begin(), of_writer.end());
    return all;
  }
};

// Runs a fleet with one consumer thread per queue in place of the writers.
Result run(const Bench& bench) {
  const auto members = all_of(bench.roster);
  std::vector<std::uint32_t> writer_of;
  for (const std::uint32_t member : members) writer_of.push_back(member % bench.writers);
  fleet::Fleet fleet =
      fleet::build_fleet(bench.roster, members, writer_of, bench.config, 99, start, types::built_in_types(),
                         bench.by_sensor ? 1 : fleet::Cohort::most_sensors);
  batch::BatchPool pool(bench.pool_size);
  std::vector<std::unique_ptr<batch::BatchQueue>> queues;
  std::vector<batch::BatchQueue*> borrowed;
  for (std::uint32_t w = 0; w < bench.writers; ++w) {
    borrowed.push_back(queues.emplace_back(std::make_unique<batch::BatchQueue>(bench.pool_size)).get());
  }
  Ledger ledger;
  SimulationClock clock(start + bench.behind, bench.started, bench.speed, start);
  schedule::Scheduler scheduler(
      {clock, start, bench.end, bench.threads, bench.overload, bench.count, bench.by_sensor}, fleet, pool,
      borrowed, ledger);

  Result result;
  result.readings.resize(bench.writers);
  result.events.resize(bench.writers);
  std::atomic<bool> handed_over{false};
  std::atomic<std::uint64_t> consumed{0};
  std::vector<std::thread> consumers;
  std::mutex mutex;
  for (std::uint32_t w = 0; w < bench.writers; ++w) {
    consumers.emplace_back([&, w] {
      std::this_thread::sleep_for(bench.stall);
      for (;;) {
        const bool last = handed_over.load();
        while (batch::Batch* batch = borrowed[w]->pop()) {
          result.readings[w].insert(result.readings[w].end(), batch->readings.begin(), batch->readings.end());
          result.events[w].insert(result.events[w].end(), batch->events.begin(), batch->events.end());
          consumed += batch->readings.size();
          {
            const std::lock_guard lock(mutex);
            for (const batch::Row& row : batch->readings)
              result.rows_after_last += std::ranges::count(result.last_of, row.sensor) > 0 ? 1 : 0;
            if (batch->last_of) result.last_of.push_back(*batch->last_of);
          }
          pool.release(batch);
          if (consumed.load() >= bench.stop_after) scheduler.request_stop();
        }
        if (last) return;
        borrowed[w]->wait_until(std::chrono::steady_clock::now() + 1ms);
      }
    });
  }
  if (bench.plan) bench.plan(scheduler.agenda(), fleet);
  scheduler.start();
  if (bench.meanwhile) bench.meanwhile(scheduler, fleet, ledger);
  CHECK(scheduler.wait_for(60s));
  handed_over = true;
  for (std::thread& consumer : consumers) consumer.join();
  result.books = ledger.books();
  result.skips = ledger.skips();
  result.reached = scheduler.reached();
  result.due_by_arithmetic = scheduler.due();
  result.history_until = clock.history_until();
  result.has_counted = scheduler.has_counted();
  return result;
}

using Key = std::tuple<std::uint32_t, Timestamp, batch::Values, std::optional<AnomalyType>>;

std::vector<Key> sorted_keys(const std::vector<batch::Reading>& readings) {
  std::vector<Key> keys;
  for (const batch::Reading& r : readings) keys.emplace_back(r.sensor, r.due, r.values, r.anomaly);
  std::sort(keys.begin(), keys.end());
  return keys;
}

Microseconds furthest_step_back(const std::vector<batch::Reading>& readings) {
  Microseconds furthest = 0;
  Timestamp latest = INT64_MIN;
  for (const batch::Reading& reading : readings) {
    latest = std::max(latest, reading.due);
    furthest = std::max(furthest, latest - reading.due);
  }
  return furthest;
}

void check_books(const Result& result) {
  CHECK(result.books.due == result.due_by_arithmetic);
  CHECK(result.books.generated == result.books.due);
  CHECK(result.books.due == result.all().size() + result.books.missing);
}

// Three rates and 3,000 sensors: several cohorts, enough to be worth sharing.
identity::Roster mixed_roster() {
  identity::Roster roster;
  for (int i = 0; i < 3'000; ++i) {
    identity::IdentityRecord record = identity_of("sensor-" + std::to_string(i));
    if (i % 10 == 0) record.overrides.rate = 0.3;
    if (i % 100 == 1) record.overrides.rate = 25;
    roster.add(record);
  }
  return roster;
}

config::Config restless() {
  config::Config config;
  config.anomalies.probability = 0.3;
  for (auto& type : config.anomalies.types) type.duration_seconds = 3;
  return config;
}

}  // namespace

TEST_CASE("one thread or four, one queue or three: the same readings, no more than a second out of order") {
  const identity::Roster roster = mixed_roster();
  std::vector<Key> expected;
  for (const auto& [threads, writers] :
       {std::pair(1u, 1u), std::pair(4u, 1u), std::pair(4u, 3u), std::pair(2u, 2u)}) {
    const Result result =
        run({.roster = roster, .config = restless(), .writers = writers, .threads = threads});
    CAPTURE(threads);
    CAPTURE(writers);
    check_books(result);
    CHECK(result.reached == start + 10 * second);
    const std::vector<Key> keys = sorted_keys(result.all());
    if (expected.empty()) expected = keys;
    CHECK(keys.size() > 25'000);
    CHECK(keys == expected);
    for (std::uint32_t w = 0; w < writers; ++w) {
      CHECK(furthest_step_back(result.readings[w]) <= second);
      for (const batch::Reading& reading : result.readings[w]) REQUIRE(reading.sensor % writers == w);
    }
  }
}

// A few fast sensors, whose readings small windows gather, beside many slow ones, whose windows go to the
// pool.
TEST_CASE("windows that are ticked here and windows that are shared keep their order") {
  identity::Roster roster;
  for (int i = 0; i < 10; ++i) roster.add(with_rate(identity_of("fast-" + std::to_string(i)), 10));
  for (int i = 0; i < 1'024; ++i) roster.add(with_rate(identity_of("slow-" + std::to_string(i)), 0.0007));
  const Result result = run({.roster = roster, .threads = 2, .end = start + 60 * second});
  check_books(result);
  CHECK(furthest_step_back(result.readings[0]) <= second);
  CHECK(furthest_step_back(result.readings[0]) > 0);
}

TEST_CASE("the smallest pool there may be is enough") {
  const identity::Roster roster = mixed_roster();
  const Result result = run({.roster = roster,
                             .config = restless(),
                             .writers = 3,
                             .threads = 4,
                             .end = start + 3 * second,
                             .pool_size = 4});
  check_books(result);
  CHECK(result.books.due > 0);
}

TEST_CASE("anomalies still open at the end are reported last") {
  const identity::Roster roster = mixed_roster();
  const Result result = run({.roster = roster, .config = restless(), .writers = 2, .threads = 2});
  std::set<std::pair<std::uint32_t, Timestamp>> open;
  std::uint64_t begun = 0;
  std::size_t progressed = 0;
  for (const auto& events : result.events) {
    for (const batch::AnomalyEvent& event : events) {
      using Kind = batch::AnomalyEvent::Kind;
      const std::pair key(event.sensor, event.started_at);
      if (event.kind == Kind::opened) open.insert(key);
      if (event.kind == Kind::closed) CHECK(open.erase(key) == 1);
      if (event.kind == Kind::opened || event.kind == Kind::whole) ++begun;
      if (event.kind != Kind::progressed) continue;
      ++progressed;
      CHECK(open.contains(key));
    }
  }
  CHECK(begun == result.books.anomalies);
  CHECK(progressed == open.size());
  CHECK(progressed > 500);
}

TEST_CASE("the end is exact: what is due at it is not taken, what is due before it is") {
  // Readings of one sensor a microsecond apart make every end visible.
  const identity::Roster roster = roster_of({with_rate(identity_of("fast"), 1e6)});
  config::Config config;
  config.anomalies.enabled = false;
  for (const Microseconds length : {1ll, 2ll, 1'500ll, 12'345ll}) {
    const Result result = run({.roster = roster, .config = config, .end = start + length});
    CHECK(result.all().size() == static_cast<std::size_t>(length));
    CHECK(result.all().front().due == start);
    CHECK(result.all().back().due == start + length - 1);
    CHECK(result.reached == start + length);
  }
}

TEST_CASE("an end before the first reading gives none") {
  const identity::Roster roster = roster_of({with_rate(identity_of("slow"), 0.001)});
  const Result result = run({.roster = roster, .end = start + 1});
  CHECK(result.all().empty());
  CHECK(result.reached == start + 1);
  check_books(result);
  CHECK(run({.roster = roster, .end = start}).books.due == 0);
}

TEST_CASE("years without a reading are passed over") {
  const identity::Roster roster = roster_of({with_rate(identity_of("rare"), 1e-7)});
  config::Config config;
  config.anomalies.enabled = false;
  const Timestamp end = start + 3'650 * microseconds_per_day;
  const Result result = run({.roster = roster, .config = config, .end = end});
  CHECK(result.books.due == 31);  // 10^7 s are 116 days
  check_books(result);
}

TEST_CASE("stopped half-way, the books balance at the window that was reached") {
  const identity::Roster roster = mixed_roster();
  for (const unsigned threads : {1u, 4u}) {
    const Result result = run({.roster = roster,
                               .config = restless(),
                               .threads = threads,
                               .end = start + 100'000 * second,
                               .stop_after = 20'000});
    CAPTURE(threads);
    check_books(result);
    CHECK(result.reached < start + 100'000 * second);
    CHECK(result.all().size() >= 20'000);
    for (const batch::Reading& reading : result.all()) REQUIRE(reading.due < result.reached);
  }
}

TEST_CASE("stopped before it starts, and again while it runs and after, it ends with nothing") {
  const identity::Roster roster = roster_of(10);
  fleet::Fleet fleet = fleet::build_fleet(roster, all_of(roster), std::vector<std::uint32_t>(10, 0),
                                          config::Config(), 1, start);
  batch::BatchPool pool(8);
  batch::BatchQueue queue(8);
  const std::vector<batch::BatchQueue*> queues{&queue};
  Ledger ledger;
  SimulationClock clock(start, std::chrono::steady_clock::now(), std::nullopt);
  schedule::Scheduler scheduler({clock, start, latest_timestamp, 1}, fleet, pool, queues, ledger);
  CHECK_FALSE(scheduler.wait_for(0ms));
  scheduler.request_stop();
  scheduler.start();
  CHECK(scheduler.wait_for(60s));
  scheduler.request_stop();
  CHECK(scheduler.reached() == start);
  CHECK(ledger.books().due == 0);
  CHECK(queue.empty());
  CHECK(pool.in_use() == 0);
}

TEST_CASE("a request to stop ends a sleep of years") {
  const identity::Roster roster = roster_of({with_rate(identity_of("rare"), 1e-8)});
  fleet::Fleet fleet = fleet::build_fleet(roster, all_of(roster), std::vector<std::uint32_t>(1, 0),
                                          config::Config(), 1, start);
  batch::BatchPool pool(8);
  batch::BatchQueue queue(8);
  const std::vector<batch::BatchQueue*> queues{&queue};
  Ledger ledger;
  SimulationClock clock(start, std::chrono::steady_clock::now(), 1.0);
  schedule::Scheduler scheduler({clock, start, latest_timestamp, 2}, fleet, pool, queues, ledger);
  scheduler.start();
  CHECK_FALSE(scheduler.wait_for(20ms));
  scheduler.request_stop();
  CHECK(scheduler.wait_for(60s));
}

TEST_CASE("work between windows sees the whole fleet at the moment that was reached") {
  const identity::Roster roster = mixed_roster();
  for (const unsigned threads : {1u, 4u}) {
    CAPTURE(threads);
    std::atomic<int> looked = 0;
    std::atomic<int> unbalanced = 0;
    run({.roster = roster,
         .threads = threads,
         .end = start + 300 * second,
         .meanwhile = [&](schedule::Scheduler& scheduler, fleet::Fleet& fleet, const Ledger& ledger) {
           while (looked < 20 && !scheduler.wait_for(0ms)) {
             std::promise<void> done;
             scheduler.between_windows([&] {
               if (fleet.due_before(scheduler.reached()) != ledger.books().due) ++unbalanced;
               ++looked;
               done.set_value();
             });
             if (done.get_future().wait_for(10s) != std::future_status::ready) return;
           }
         }});
    CHECK(looked == 20);
    CHECK(unbalanced == 0);
  }
}

TEST_CASE("work between windows is done while the fleet sleeps for years") {
  const identity::Roster roster = roster_of({with_rate(identity_of("rare"), 1e-8)});
  fleet::Fleet fleet = fleet::build_fleet(roster, all_of(roster), std::vector<std::uint32_t>(1, 0),
                                          config::Config(), 1, start);
  batch::BatchPool pool(8);
  batch::BatchQueue queue(8);
  const std::vector<batch::BatchQueue*> queues{&queue};
  Ledger ledger;
  SimulationClock clock(start, std::chrono::steady_clock::now(), 1.0);
  schedule::Scheduler scheduler({clock, start, latest_timestamp, 2}, fleet, pool, queues, ledger);
  scheduler.start();
  for (int i = 0; i < 3; ++i) {
    std::promise<void> done;
    scheduler.between_windows([&done] { done.set_value(); });
    REQUIRE(done.get_future().wait_for(10s) == std::future_status::ready);
  }
  scheduler.request_stop();
  CHECK(scheduler.wait_for(60s));
}

TEST_CASE("a paced fleet that starts in the past catches up at once") {
  const identity::Roster roster = roster_of(200);
  const SteadyTime began = std::chrono::steady_clock::now();
  const Result result = run({.roster = roster,
                             .config = restless(),
                             .end = start + 20 * second,
                             .speed = 1.0,
                             .started = began - 20s});
  CHECK(std::chrono::steady_clock::now() - began < 10s);
  CHECK(result.books.due == 4'000);
  check_books(result);
  CHECK(furthest_step_back(result.readings[0]) <= second);
}

TEST_CASE("a paced fleet takes no reading before its time, and keeps to its speed") {
  const identity::Roster roster = roster_of(100);
  const SteadyTime began = std::chrono::steady_clock::now();
  // 20 simulated seconds in 0.2 real ones.
  const Result result = run(
      {.roster = roster, .config = restless(), .end = start + 20 * second, .speed = 100.0, .started = began});
  CHECK(std::chrono::steady_clock::now() - began >= 200ms);
  CHECK(result.books.due == 2'000);
  check_books(result);
}

TEST_CASE("at every moment a paced fleet has reached no further than its clock") {
  const identity::Roster roster = roster_of(100);
  fleet::Fleet fleet = fleet::build_fleet(roster, all_of(roster), std::vector<std::uint32_t>(100, 0),
                                          config::Config(), 1, start);
  batch::BatchPool pool(8);
  batch::BatchQueue queue(8);
  const std::vector<batch::BatchQueue*> queues{&queue};
  Ledger ledger;
  SimulationClock clock(start, std::chrono::steady_clock::now(), 10.0);
  schedule::Scheduler scheduler({clock, start, start + 3 * second, 1}, fleet, pool, queues, ledger);
  scheduler.start();
  while (!scheduler.wait_for(1ms)) {
    const Timestamp reached = scheduler.reached();
    CHECK(reached <= clock.simulated(std::chrono::steady_clock::now()));
    while (batch::Batch* batch = queue.pop()) {
      for (const batch::Reading& reading : batch->readings) {
        CHECK(reading.due < clock.simulated(std::chrono::steady_clock::now()));
      }
      pool.release(batch);
    }
  }
  CHECK(ledger.books().due == 300);
}

namespace {

// A second of simulated time takes 100 ms; nothing is taken from the queues for four of them.
Bench stalled_bench(const identity::Roster& roster, unsigned threads, config::Overload overload) {
  Bench bench{.roster = roster, .threads = threads, .speed = 10.0, .pool_size = 8};
  bench.config.anomalies.probability = 0.3;
  bench.config.anomalies.types[index_of(AnomalyType::trend)].duration_seconds = 2;
  bench.overload = overload;
  bench.stall = 400ms;
  return bench;
}

using EventKey = std::tuple<std::uint32_t, Timestamp, Timestamp, std::uint32_t, batch::AnomalyEvent::Kind>;

std::vector<EventKey> sorted_events(const Result& result) {
  std::vector<EventKey> keys;
  for (const auto& of_writer : result.events) {
    for (const batch::AnomalyEvent& e : of_writer)
      keys.emplace_back(e.sensor, e.started_at, e.ended_at, e.readings_affected, e.kind);
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

}  // namespace

TEST_CASE(
    "a fleet that skips leaves readings out while no batch is free, and changes no other and no event") {
  const identity::Roster roster = roster_of(6'000);
  for (const unsigned threads : {1u, 4u}) {
    CAPTURE(threads);
    const Result whole =
        run({.roster = roster, .config = stalled_bench(roster, 1, config::Overload::block).config});
    const Result result = run(stalled_bench(roster, threads, config::Overload::skip));
    const Books& books = result.books;
    CHECK(books.skipped > 5'000);
    CHECK(books.skipped < books.due / 2);
    CHECK(books.due == whole.books.due);
    CHECK(books.generated == books.due - books.skipped);
    CHECK(books.missing == whole.books.missing);
    CHECK(books.anomalies == whole.books.anomalies);
    const std::vector<Key> taken = sorted_keys(result.all());
    const std::vector<Key> due = sorted_keys(whole.all());
    CHECK(taken.size() == books.generated - books.missing);
    CHECK(std::includes(due.begin(), due.end(), taken.begin(), taken.end()));
    std::vector<Key> skipped;
    std::set_difference(due.begin(), due.end(), taken.begin(), taken.end(), std::back_inserter(skipped));
    const Key earliest =
        std::ranges::min(skipped, {}, [](const Key& key) { return std::get<Timestamp>(key); });
    const Key latest = std::ranges::max(skipped, {}, [](const Key& key) { return std::get<Timestamp>(key); });
    CHECK(result.skips.value().since <= std::get<Timestamp>(earliest));
    CHECK(result.skips.value().until >= std::get<Timestamp>(latest));
    CHECK_FALSE(whole.skips);
    CHECK(sorted_events(result) == sorted_events(whole));
    // An event is told of before it is said to have ended.
    std::set<std::pair<std::uint32_t, Timestamp>> begun;
    for (const batch::AnomalyEvent& event : result.events[0]) {
      if (batch::begins(event.kind)) begun.insert({event.sensor, event.started_at});
      CHECK(begun.contains({event.sensor, event.started_at}));
    }
  }
}

TEST_CASE("what a fleet that skips owes is told before a reload ends it") {
  const identity::Roster roster = roster_of(6'000);
  Bench bench = stalled_bench(roster, 1, config::Overload::skip);
  std::vector<fleet::WantedSensor> moving;
  for (const std::uint32_t i : all_of(roster)) moving.push_back({i, i, 0, 0, true});
  std::size_t ended = 0;
  bench.meanwhile = [&](schedule::Scheduler& scheduler, fleet::Fleet& fleet, const Ledger&) {
    std::this_thread::sleep_for(200ms);  // half of the time in which no batch comes back
    std::promise<void> done;
    scheduler.between_windows([&] {
      fleet::FleetChange change = fleet::plan_fleet_change(bench.config, fleet.profiles(), moving, {});
      scheduler.change_fleet(change);
      ended = change.anomalies.size();
      done.set_value();
    });
    done.get_future().wait();
  };
  const Result result = run(bench);
  CHECK(ended > 100);
  CHECK(result.books.skipped > 1'000);
  std::set<std::pair<std::uint32_t, Timestamp>> begun;
  for (const batch::AnomalyEvent& event : result.events[0]) {
    const std::pair anomaly(event.sensor, event.started_at);
    if (batch::begins(event.kind)) {
      CHECK(begun.insert(anomaly).second);
    } else {
      CHECK(begun.contains(anomaly));
    }
  }
}

TEST_CASE("a fleet that blocks, or has no pace, skips nothing") {
  const identity::Roster roster = roster_of(6'000);
  CHECK(run(stalled_bench(roster, 2, config::Overload::block)).books.skipped == 0);
  Bench unpaced = stalled_bench(roster, 2, config::Overload::skip);
  unpaced.speed.reset();
  CHECK(run(unpaced).books.skipped == 0);
}

TEST_CASE("a fleet that fills history skips none of it, and nothing that comes due meanwhile") {
  const identity::Roster roster = roster_of(6'000);
  for (const unsigned threads : {1u, 4u}) {
    CAPTURE(threads);
    Bench bench = stalled_bench(roster, threads, config::Overload::skip);
    bench.behind = 2 * second;
    bench.end = start + 14 * second;
    const Result result = run(bench);
    // Once it has caught up, a machine that is busy with other things may be too slow for it.
    if (result.skips) CHECK(result.skips->since >= result.history_until);
    CHECK(result.books.due == 14u * 6'000);
    // Four simulated seconds have passed while nothing was taken from the queues.
    CHECK(result.history_until >= start + 6 * second);
  }
}

TEST_CASE("a fleet has filled its history once it has to wait for a reading") {
  const identity::Roster roster = roster_of(100);
  const Result result =
      run({.roster = roster, .end = start + 200 * second, .speed = 100.0, .behind = 50 * second});
  CHECK(result.history_until >= start + 50 * second);
  CHECK(result.history_until < start + 200 * second);
  const Result on_time = run({.roster = roster, .end = start + 20 * second, .speed = 100.0});
  CHECK(on_time.history_until == start);
}

namespace {

using Turn = std::tuple<Timestamp, std::string, batch::Values>;

// In the order in which readings count: by time, then by the sensor's id.
std::vector<Turn> in_turn(const identity::Roster& roster, const Result& result) {
  std::vector<Turn> turns;
  for (const batch::Reading& r : result.all())
    turns.emplace_back(r.due, std::string(roster[r.sensor].id), r.values);
  std::ranges::sort(turns, {},
                    [](const Turn& turn) { return std::tie(std::get<0>(turn), std::get<1>(turn)); });
  return turns;
}

// Many readings are due at once.
identity::Roster crowded_roster() {
  identity::Roster roster;
  for (int i = 0; i < 4'000; ++i)
    roster.add(with_rate(identity_of("sensor-" + std::to_string(i)), i % 2 == 0 ? 10'000 : 4'000));
  return roster;
}

// Every reading that is due is one.
config::Config calm() {
  config::Config config;
  config.anomalies.enabled = false;
  return config;
}

}  // namespace

TEST_CASE("a count ends the run after so many readings, by time, then by id, whoever reads them") {
  const identity::Roster roster = crowded_roster();
  const std::vector<Turn> all =
      in_turn(roster, run({.roster = roster, .config = calm(), .end = start + 5'000}));
  REQUIRE(all.size() > 110'000);
  std::size_t inside_a_moment = 0;
  for (const std::uint64_t count : {1u, 2u, 777u, 100'000u, 100'001u, 100'003u, 100'007u, 100'013u}) {
    CAPTURE(count);
    const std::vector<Turn> expected(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count));
    if (std::get<Timestamp>(all[count]) == std::get<Timestamp>(all[count - 1])) ++inside_a_moment;
    for (const auto& [threads, writers] : {std::pair(1u, 1u), std::pair(4u, 3u)}) {
      const Result result = run({.roster = roster,
                                 .config = calm(),
                                 .writers = writers,
                                 .threads = threads,
                                 .end = latest_timestamp,
                                 .count = count});
      CHECK(result.has_counted);
      check_books(result);
      CHECK(result.books.due == count);
      CHECK(in_turn(roster, result) == expected);
    }
  }
  CHECK(inside_a_moment >= 3);
}

TEST_CASE("a count is of readings due, with those that anomalies leave out, and an end may come before it") {
  const identity::Roster roster = mixed_roster();
  const Result counted =
      run({.roster = roster, .config = restless(), .threads = 2, .end = latest_timestamp, .count = 20'000});
  CHECK(counted.books.due == 20'000);
  CHECK(counted.books.missing > 0);
  CHECK(counted.all().size() == 20'000 - counted.books.missing);
  const Result ended = run({.roster = roster, .config = restless(), .count = 10'000'000});
  CHECK_FALSE(ended.has_counted);
  CHECK(ended.reached == start + 10 * second);
  CHECK(run({.roster = roster, .count = 0}).books.due == 0);
}

TEST_CASE("a paced fleet comes to its count no earlier than that is due") {
  const identity::Roster roster = roster_of(100);
  const SteadyTime began = std::chrono::steady_clock::now();
  const Result result = run({.roster = roster,
                             .config = restless(),
                             .end = latest_timestamp,
                             .speed = 100.0,
                             .started = began,
                             .count = 2'000});
  CHECK(std::chrono::steady_clock::now() - began >= 190ms);
  CHECK(result.books.due == 2'000);
}

TEST_CASE("a count is kept to across a reload that changes how fast it is come to") {
  const identity::Roster roster = mixed_roster();
  for (const double rate : {0.1, 7.0}) {
    CAPTURE(rate);
    config::Config after = calm();
    after.simulation.rate = rate;
    const auto plan = [&](fleet::Agenda& agenda, fleet::Fleet& fleet) {
      const auto profiles =
          std::make_shared<fleet::ProfileTable>(roster, std::make_shared<const config::Config>(after),
                                                fleet.profiles()->types(), fleet.profiles()->seed());
      std::vector<fleet::WantedSensor> everyone;
      for (const std::uint32_t i : all_of(roster)) everyone.push_back({i, i, 0, 0, false});
      agenda.add(
          start + 2'345'678,
          {std::make_shared<fleet::FleetChange>(fleet::plan_fleet_change(calm(), profiles, everyone, {})),
           [] {}});
    };
    const Result whole = run({.roster = roster, .config = calm(), .end = start + 60 * second, .plan = plan});
    const Result counted = run({.roster = roster,
                                .config = calm(),
                                .threads = 4,
                                .end = latest_timestamp,
                                .plan = plan,
                                .count = 15'111});
    CHECK(counted.has_counted);
    CHECK(counted.books.due == 15'111);
    std::vector<Turn> expected = in_turn(roster, whole);
    REQUIRE(expected.size() > 15'111);
    expected.resize(15'111);
    CHECK(in_turn(roster, counted) == expected);
  }
}

TEST_CASE("a reload of the agenda divides the readings at its time exactly, with any number of threads") {
  const identity::Roster roster = mixed_roster();
  config::Config before;
  before.anomalies.enabled = false;
  config::Config after = before;
  after.normal_parameters[0].mean += 5;
  const Timestamp moment = start + 3'333'333;
  const auto readings_of = [&](const config::Config& config) {
    return sorted_keys(run({roster, config}).all());
  };
  std::vector<Key> expected;
  std::ranges::copy_if(readings_of(before), std::back_inserter(expected),
                       [&](const Key& key) { return std::get<1>(key) < moment; });
  std::ranges::copy_if(readings_of(after), std::back_inserter(expected),
                       [&](const Key& key) { return std::get<1>(key) >= moment; });
  std::ranges::sort(expected);
  for (const unsigned threads : {1u, 4u}) {
    bool carried_out = false;
    Bench bench{roster, before, 1, threads};
    bench.plan = [&](fleet::Agenda& agenda, fleet::Fleet&) {
      const auto profiles =
          std::make_shared<fleet::ProfileTable>(roster, std::make_shared<const config::Config>(after));
      std::vector<fleet::WantedSensor> everyone;
      for (const std::uint32_t i : all_of(roster)) everyone.push_back({i, i, 0, 0, false});
      agenda.add(
          moment,
          {std::make_shared<fleet::FleetChange>(fleet::plan_fleet_change(before, profiles, everyone, {})),
           [&] { carried_out = true; }});
    };
    CAPTURE(threads);
    CHECK(sorted_keys(run(bench).all()) == expected);
    CHECK(carried_out);
  }
}

TEST_CASE("a reload at the very end, after the last reading, is carried out") {
  const identity::Roster roster = roster_of(3);
  bool carried_out = false;
  Bench bench{roster};
  bench.plan = [&](fleet::Agenda& agenda, fleet::Fleet& fleet) {
    const std::vector<std::uint32_t> removed{1};
    agenda.add(bench.end, {std::make_shared<fleet::FleetChange>(
                               fleet::plan_fleet_change(bench.config, fleet.profiles(), {}, removed)),
                           [&] { carried_out = true; }});
  };
  check_books(run(bench));
  CHECK(carried_out);
}

TEST_CASE("an injection begins with the first reading at its time or later, under what holds by then") {
  const identity::Roster roster = mixed_roster();
  Bench bench{roster};
  bench.config.anomalies.enabled = false;
  const Result plain = run(bench);
  const auto first_since = [&](std::uint32_t sensor, Timestamp moment) {
    Timestamp first = latest_timestamp;
    for (const batch::Reading& reading : plain.all()) {
      if (reading.sensor == sensor && reading.due >= moment) first = std::min(first, reading.due);
    }
    return first;
  };
  for (const unsigned threads : {1u, 4u}) {
    bench.threads = threads;
    bench.plan = [&](fleet::Agenda& agenda, fleet::Fleet&) {
      for (std::uint32_t sensor = 0; sensor < 200; ++sensor) {
        agenda.add(
            {sensor, {.type = AnomalyType::trend, .cause = AnomalyCause::injected}, start + sensor * 20'000});
        CHECK(agenda.awaits_injection(sensor));
      }
    };
    const Result injected = run(bench);
    CAPTURE(threads);
    check_books(injected);
    std::size_t begun = 0;
    for (const batch::AnomalyEvent& event : injected.events[0]) {
      if (!batch::begins(event.kind)) continue;
      ++begun;
      CHECK(event.cause == AnomalyCause::injected);
      CHECK(event.started_at == first_since(event.sensor, start + event.sensor * 20'000));
    }
    std::size_t expected = 0;
    for (std::uint32_t sensor = 0; sensor < 200; ++sensor)
      expected += first_since(sensor, start + sensor * 20'000) < latest_timestamp ? 1 : 0;
    CHECK(begun == expected);
  }
}

// Sensor by sensor: the same readings and events, each sensor's in one piece.
TEST_CASE("a fleet that is gone through sensor by sensor reads what it reads second by second") {
  const identity::Roster roster = mixed_roster();
  const Result by_time = run({.roster = roster, .writers = 2});
  for (const unsigned threads : {1U, 3U}) {
    const Result by_sensor = run({.roster = roster, .writers = 2, .threads = threads, .by_sensor = true});
    CHECK(sorted_keys(by_sensor.all()) == sorted_keys(by_time.all()));
    CHECK(by_sensor.events[0].size() + by_sensor.events[1].size() ==
          by_time.events[0].size() + by_time.events[1].size());
    CHECK(by_sensor.reached == by_time.reached);
    CHECK(by_sensor.rows_after_last == 0);
    CHECK(std::set(by_sensor.last_of.begin(), by_sensor.last_of.end()).size() == roster.size());
    CHECK(by_sensor.books.anomalies == by_time.books.anomalies);
    check_books(by_sensor);
  }
}

TEST_CASE("a stop between sensors, and in the middle of some, leaves books that balance") {
  const identity::Roster roster = mixed_roster();
  for (const std::uint64_t stop_after : {1ULL, 5'000ULL, 30'000ULL}) {
    const Result result = run({.roster = roster,
                               .threads = 2,
                               .end = start + 1'000 * second,
                               .stop_after = stop_after,
                               .by_sensor = true});
    CHECK(result.reached == start);
    CHECK(result.last_of.size() < roster.size());
    std::set<std::uint32_t> begun;
    for (const batch::Reading& reading : result.all()) begun.insert(reading.sensor);
    CHECK(begun == std::set(result.last_of.begin(), result.last_of.end()));
    check_books(result);
  }
}

}  // namespace fleet_sim::schedule_test
