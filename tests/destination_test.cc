// The writer on a destination that is no database: what it promises does not depend on which kind it holds.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <initializer_list>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/fake_sink.h"
#include "support/writer_rig.h"

namespace fleet_sim::destination_test {

using namespace fleet_sim::test;

namespace {

constexpr std::size_t sensors = 3;
constexpr std::size_t rows_of_lot = 10;  // as the rig has it

struct Bench {
  explicit Bench(RigOptions options = {.sensors = sensors}, bool knows_lots = true)
      : store(knows_lots), rig(with_store(std::move(options))) {
    store.mood = [this](const std::string& target) {
      std::deque<Mood>& moods = script[target];
      if (moods.empty()) return Mood::takes;
      const Mood mood = moods.front();
      moods.pop_front();
      return mood;
    };
  }
  RigOptions with_store(RigOptions options) {
    options.make_sink = [this] { return std::make_unique<FakeSink>(store); };
    return options;
  }

  void then(std::uint32_t sensor, std::initializer_list<Mood> moods) {
    std::ranges::copy(moods, std::back_inserter(script[rig.path_of(sensor)]));
  }
  [[nodiscard]] const FakeStore::Target& of(std::uint32_t sensor) {
    return store.targets[rig.path_of(sensor)];
  }
  // Whether the target holds as many readings, each once, in order.
  [[nodiscard]] bool holds(std::uint32_t sensor, std::size_t count) {
    const auto& rows = of(sensor).readings;
    return rows.size() == count && std::ranges::is_sorted(rows) &&
           std::ranges::adjacent_find(rows) == rows.end();
  }
  [[nodiscard]] bool has_logged(const std::string& what) const {
    return std::ranges::any_of(rig.log,
                               [&](const std::string& line) { return line.find(what) != std::string::npos; });
  }

  std::map<std::string, std::deque<Mood>> script;
  FakeStore store;
  WriterRig rig;
};

batch::AnomalyEvent event_of(std::uint32_t sensor) {
  return {1, 1, {}, sensor, 1, AnomalyType::noise, batch::AnomalyEvent::Kind::opened, {}, 0};
}

// Takes everything at once, of which only so many readings are safe in the end.
class SettlingSink final : public write::Sink {
 public:
  explicit SettlingSink(std::uint64_t settled) : settled_(settled) {}

  std::unique_ptr<write::Destination> make(const write::Target& target, write::Reply) override {
    return std::make_unique<Taker>(target.name);
  }
  [[nodiscard]] std::uint64_t settled() const override { return settled_; }

 private:
  class Taker final : public write::Destination {
   public:
    explicit Taker(std::string name) : name_(std::move(name)) {}
    [[nodiscard]] const std::string& name() const override { return name_; }
    std::optional<write::Answer> take(const write::Lot&) override {
      return write::Answer{.settles_later = true};
    }

   private:
    std::string name_;
  };

  std::uint64_t settled_;
};

}  // namespace

TEST_CASE("a destination gets every row once, in order, and is finished at the end") {
  Bench bench;
  for (int i = 0; i < 5; ++i) {
    for (std::uint32_t sensor = 0; sensor < sensors; ++sensor) bench.rig.send(sensor, 7);
    bench.rig.run_for(700 * millisecond);
  }
  bench.rig.finish();
  for (std::uint32_t sensor = 0; sensor < sensors; ++sensor) {
    CHECK(bench.holds(sensor, 35));
    CHECK(bench.of(sensor).is_finished);
  }
  CHECK(bench.rig.ledger.books().written == 105);
  CHECK(bench.rig.imbalance().empty());
}

TEST_CASE("what a sink has taken and has not made safe by its end counts as lost") {
  RigOptions options{.sensors = sensors};
  options.make_sink = [] { return std::make_unique<SettlingSink>(13); };
  WriterRig rig(std::move(options));
  rig.send(0, 20);
  rig.run_for(1 * second);
  CHECK(rig.ledger.books().written == 13);
  rig.finish();
  CHECK(rig.ledger.books().written == 13);
  CHECK(rig.ledger.books().lost() == 7);
  CHECK(rig.imbalance().empty());
}

TEST_CASE("a lot that is refused is offered again, whole") {
  Bench bench;
  bench.then(0, {Mood::refuses, Mood::refuses, Mood::is_occupied});
  bench.rig.send(0, 10);
  bench.rig.step();
  CHECK(bench.rig.ledger.books().written == 0);
  bench.rig.send(0, 5);
  bench.rig.run_for(1 * second);
  CHECK(bench.holds(0, 15));
  CHECK(bench.rig.errors(ErrorClass::io) == 2);
  CHECK(bench.rig.errors(ErrorClass::busy) == 0);
}

TEST_CASE("a fleet without pace waits for a destination that is away, says so once, and continues") {
  Bench bench({.sensors = sensors, .pending_rows = 40}, true);
  bool is_away = true;
  bench.store.mood = [&](const std::string&) { return is_away ? Mood::is_unreachable : Mood::takes; };
  for (int round = 0; round < 30; ++round) {
    bench.rig.send(0, 10);
    bench.rig.run_for(60 * second);
  }
  CHECK(bench.rig.writer().held() <= 30);  // half of what may wait, and a batch
  CHECK(bench.rig.log ==
        std::vector<std::string>{bench.rig.path_of(0) + ": waiting for an answer: nobody answers"});
  CHECK(bench.rig.gave_up == 0);
  is_away = false;
  bench.rig.run_for(5 * second);
  CHECK(bench.holds(0, 300));
  CHECK(bench.rig.imbalance().empty());
}

TEST_CASE("in real time a destination that is away ends no run while the backlog has room") {
  Bench bench({.sensors = sensors, .pending_rows = 2'000, .launched = an_hour_ago()}, true);
  bool is_away = true;
  bench.store.mood = [&](const std::string&) { return is_away ? Mood::is_unreachable : Mood::takes; };
  bench.rig.send(0, 500);
  bench.rig.run_for(3'600 * second);
  CHECK(bench.rig.gave_up == 0);
  CHECK(bench.rig.ledger.books().lost() == 0);
  is_away = false;
  bench.rig.run_for(5 * second);
  CHECK(bench.holds(0, 500));
}

TEST_CASE("what a destination has dealt with is logged, and tried again at once") {
  Bench bench;
  bench.then(0, {Mood::removes_obstacle});
  bench.rig.send(0, 10);
  bench.rig.step();
  bench.rig.step();
  CHECK(bench.holds(0, 10));
  CHECK(bench.rig.log == std::vector<std::string>{bench.rig.path_of(0) + ": was put aside"});
  CHECK(bench.rig.errors(ErrorClass::corrupt) == 1);
}

TEST_CASE("rows whose answer was lost come again first, so that a destination can tell them") {
  Bench bench;
  bench.then(0, {Mood::loses_answer, Mood::refuses, Mood::loses_answer});
  bench.rig.send(0, 10);
  bench.rig.step();
  CHECK(bench.of(0).readings.size() == 10);
  CHECK(bench.rig.ledger.books().written == 0);
  bench.rig.send(0, 3);
  bench.rig.run_for(2 * second);
  CHECK(bench.store.keeps_rows);
  CHECK(bench.holds(0, 13));
  CHECK(bench.rig.ledger.books().written == 13);
  CHECK(bench.rig.imbalance().empty());
}

TEST_CASE("a destination that cannot tell has rows twice, and exactly those whose answer was lost") {
  Bench bench({.sensors = sensors}, false);
  bench.then(0, {Mood::loses_answer});
  bench.rig.send(0, 10);
  bench.rig.step();
  bench.rig.send(0, 3);
  bench.rig.run_for(2 * second);
  CHECK(bench.of(0).readings.size() == 23);
  CHECK(bench.of(0).resent == 10);
  CHECK(bench.rig.ledger.books().written == 13);
}

TEST_CASE("an answer that comes later holds up its shard only, whose rows wait beside the lot") {
  Bench bench;
  bench.then(0, {Mood::answers_late});
  bench.rig.send(0, 10);
  bench.rig.step();
  for (int i = 0; i < 4; ++i) {
    for (std::uint32_t sensor = 0; sensor < sensors; ++sensor) bench.rig.send(sensor, 10);
    bench.rig.run_for(100 * millisecond);
  }
  CHECK(bench.of(0).lots == 1);
  CHECK(bench.holds(1, 40));
  CHECK(bench.holds(2, 40));
  CHECK(bench.rig.ledger.books().written == 80);
  CHECK(bench.rig.writer().held() == 50);
  bench.store.answer();
  bench.rig.run_for(1 * second);
  CHECK(bench.holds(0, 50));
  CHECK(bench.rig.writer().held() == 0);
  CHECK(bench.rig.errors() == 0);
  CHECK(bench.rig.imbalance().empty());
}

TEST_CASE("what has come to a lot when a late answer comes is offered at once, and less waits for its time") {
  for (const std::size_t came : {rows_of_lot, rows_of_lot - 1}) {
    CAPTURE(came);
    Bench bench;
    bench.then(0, {Mood::answers_late});
    bench.rig.send(0, rows_of_lot);
    bench.rig.step();
    bench.rig.send(0, came);
    bench.rig.step();
    bench.store.answer();
    bench.rig.step();
    CHECK(bench.holds(0, came == rows_of_lot ? 2 * rows_of_lot : rows_of_lot));
    bench.rig.run_for(1 * second);
    CHECK(bench.holds(0, rows_of_lot + came));
  }
}

TEST_CASE("a refusal that comes later is a refusal, and what came meanwhile stands behind the lot") {
  Bench bench;
  bench.then(0, {Mood::refuses_late});
  bench.rig.send(0, 10);
  bench.rig.step();
  bench.rig.send(0, 10);
  bench.rig.step();
  bench.store.answer();
  bench.rig.run_for(1 * second);
  CHECK(bench.holds(0, 20));
  CHECK(bench.rig.errors() == 1);
}

TEST_CASE("only the first answer to an attempt counts") {
  Bench bench;
  bench.then(0, {Mood::answers_twice, Mood::answers_late});
  bench.rig.send(0, 10);
  bench.rig.step();
  bench.store.answer();
  bench.rig.step();
  CHECK(bench.rig.ledger.books().written == 10);
  bench.store.delay = [] { return 1; };
  bench.rig.send(0, 10);
  bench.rig.step();
  bench.store
      .answer();  // the second answer to the first attempt, while the second attempt waits for its first
  bench.rig.step();
  CHECK(bench.rig.ledger.books().written == 10);
  CHECK(bench.rig.writer().held() == 10);
  bench.store.answer();
  bench.rig.step();
  CHECK(bench.holds(0, 20));
  CHECK(bench.rig.ledger.books().written == 20);
  CHECK(bench.rig.imbalance().empty());
}

TEST_CASE("an answer that is long overdue is reported once, and so is its coming") {
  Bench bench;
  bench.then(0, {Mood::answers_late});
  bench.rig.send(0, 10);
  bench.rig.step();
  const auto trouble = [&] { return bench.rig.writer().board().trouble(bench.rig.plan.place_of[0].shard); };
  bench.rig.run_for(9 * second);
  CHECK_FALSE(trouble());
  bench.rig.run_for(10 * second);
  REQUIRE(trouble());
  CHECK(trouble()->degraded);
  CHECK(bench.rig.errors() == 1);
  CHECK(bench.rig.log.size() == 1);
  bench.store.answer();
  bench.rig.step();
  CHECK_FALSE(trouble());
  CHECK(bench.rig.log.size() == 2);
  CHECK(bench.holds(0, 10));
}

TEST_CASE("what was reported as not answering is reported as working, also when it fails in between") {
  for (const Mood mood : {Mood::is_occupied, Mood::refuses}) {
    Bench bench;
    bench.then(0, {Mood::refuses_late, mood});
    bench.rig.send(0, 10);
    bench.rig.step();
    bench.rig.run_for(11 * second);
    bench.store.answer();
    bench.rig.run_for(1 * second);
    CHECK(bench.holds(0, 10));
    CHECK_FALSE(bench.rig.writer().board().trouble(bench.rig.plan.place_of[0].shard));
    CHECK(bench.has_logged("works again"));
  }
}

TEST_CASE("a backlog that overflows drops the newest, and what was offered keeps its place") {
  Bench bench({.sensors = sensors, .pending_rows = 40});
  bool works = false;
  bench.store.mood = [&works, first = true](const std::string&) mutable {
    if (works) return Mood::takes;
    return std::exchange(first, false) ? Mood::loses_answer : Mood::refuses;
  };
  bench.rig.send(0, 10);
  bench.rig.run_for(3 * second);
  for (int i = 0; i < 10; ++i) {
    bench.rig.send(0, 10);
    bench.rig.run_for(100 * millisecond);
  }
  CHECK(bench.rig.ledger.books().lost() > 0);
  works = true;
  bench.rig.run_for(5 * second);
  CHECK(bench.store.keeps_rows);
  CHECK(bench.holds(0, bench.rig.ledger.books().written));
  CHECK(bench.rig.imbalance().empty());
}

TEST_CASE("a call that hangs keeps its thread, and the others are written by another") {
  Bench bench({.sensors = sensors, .stall_limits = {std::chrono::milliseconds(10), std::chrono::hours(1)}},
              true);
  bench.then(0, {Mood::hangs});
  std::thread thread([&] { bench.rig.writer().run(); });
  const auto wait_until = [](const auto& is_true) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!is_true() && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return is_true();
  };
  bench.rig.send(0, 10);
  CHECK(wait_until([&] { return bench.store.is_hanging(); }));
  for (std::uint32_t sensor = 0; sensor < sensors; ++sensor) bench.rig.send(sensor, 10);
  CHECK(wait_until([&] { return bench.rig.ledger.books().written == 20; }));
  bench.store.wake();
  bench.rig.writer().finish();
  thread.join();
  CHECK(bench.holds(0, 20));
  CHECK(bench.rig.ledger.books().written == 40);
  CHECK(bench.rig.imbalance().empty());
}

TEST_CASE(
    "what was taken of a lot is written, and what was not answered is unconfirmed, when it is given up") {
  Bench bench;
  bench.then(0, {Mood::takes_part});
  bench.then(1, {Mood::loses_answer});
  bench.store.mood = [this_script = &bench.script](const std::string& target) {
    std::deque<Mood>& moods = (*this_script)[target];
    if (moods.empty()) return Mood::refuses;
    const Mood mood = moods.front();
    moods.pop_front();
    return mood;
  };
  for (const std::uint32_t sensor : {0u, 1u, 2u}) {
    bench.rig.send(event_of(sensor));
    bench.rig.send(sensor, 10);
  }
  bench.rig.finish();
  const Books books = bench.rig.ledger.books();
  CHECK(books.events_unconfirmed == 1);
  CHECK(books.events_lost == 2);
  CHECK(books.written == 5);
  CHECK(books.unconfirmed == 10);
  CHECK(books.lost() == 15);
  CHECK(books.not_written() == 25);
  CHECK(bench.store.readings() == 15);
  CHECK(bench.rig.imbalance().empty());
}

TEST_CASE("what a destination rejects is counted as such, and what it gets again as resent") {
  Bench bench({.sensors = sensors}, false);
  bench.then(0, {Mood::takes_part, Mood::rejects_some});
  bench.then(1, {Mood::loses_answer, Mood::refuses});
  for (const std::uint32_t sensor : {0u, 1u}) bench.rig.send(sensor, 10);
  bench.rig.run_for(1 * second);
  const Books books = bench.rig.ledger.books();
  CHECK(books.rejected == 2);
  CHECK(books.written == 18);
  CHECK(books.resent == 10);
  CHECK(books.lost() == 0);
  CHECK(bench.of(0).readings.size() == 8);
  CHECK(bench.rig.imbalance().empty());
}

TEST_CASE("a backlog that overflows keeps what may be there already") {
  Bench bench({.sensors = sensors, .pending_rows = 40});
  bench.store.mood = [first = true](const std::string&) mutable {
    return std::exchange(first, false) ? Mood::loses_answer : Mood::refuses;
  };
  bench.rig.send(0, 30);
  bench.rig.run_for(3 * second);
  const std::size_t in_doubt = bench.of(0).stored.size();
  REQUIRE(in_doubt > 0);
  for (int i = 0; i < 10; ++i) {
    for (const std::uint32_t sensor : {0u, 1u}) bench.rig.send(sensor, 10);
    bench.rig.run_for(100 * millisecond);
  }
  CHECK(bench.rig.ledger.books().lost() > 0);
  CHECK(bench.of(0).stored.size() == in_doubt);
  bench.rig.finish();
  CHECK(bench.rig.ledger.books().unconfirmed == in_doubt);
  CHECK(bench.rig.imbalance().empty());
}

TEST_CASE("what no destination takes until the end is counted as lost") {
  Bench bench;
  bench.store.mood = [](const std::string&) { return Mood::refuses; };
  bench.rig.send(0, 10);
  bench.rig.finish();
  CHECK(
      bench.rig.ledger.books().lost_by_reason[static_cast<std::size_t>(LossReason::storage_failed_at_stop)] ==
      10);
  CHECK(bench.rig.imbalance().empty());
  CHECK(bench.store.readings() == 0);
}

}  // namespace fleet_sim::destination_test
