// A sink that keeps in memory what it takes, and misbehaves as it is told: it refuses, loses an answer after
// it has stored the rows, answers late or twice, or hangs. What it holds outlives the sink, so that it can be
// compared with the books. It tells from a lot's number which rows it has stored already, as a database with
// a row of progress does, unless it is to be a target that cannot.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "write/destination.h"

namespace fleet_sim::test {

enum class Mood : std::uint8_t {
  takes,
  refuses,
  is_occupied,
  is_unreachable,
  removes_obstacle,  // refuses, and need not be waited for
  loses_answer,      // stores the rows, and says that it failed
  takes_part,        // stores half of the readings, says so, and fails
  rejects_some,      // stores the rows but for some readings, for good
  answers_late,
  refuses_late,
  answers_twice,  // late
  hangs           // in the call, until everybody is answered
};

// What a fake sink holds, and how it is to behave. Set up before the writer begins; calls may come side by
// side.
class FakeStore {
 public:
  using Row = std::pair<std::uint32_t, Timestamp>;  // sensor and time

  struct Target {
    std::vector<Row> readings;
    std::vector<Row> events;   // by their beginnings
    std::uint64_t lots = 0;    // stored
    std::uint64_t resent = 0;  // readings stored again, because an answer was lost
    std::uint64_t rejected = 0;
    bool is_finished = false;
    std::optional<std::uint64_t> doubtful;  // the lot whose answer was lost …
    std::vector<Row> stored;                // … and what was stored of it: readings …
    std::size_t stored_events = 0;          // … and events
    std::optional<std::uint64_t> part_of;   // the lot of which …
    std::size_t part = 0;                   // … so many readings are known to be stored
  };

  explicit FakeStore(bool knows_lots = true) : knows_lots_(knows_lots) {}

  // Asked at each attempt.
  std::function<Mood(const std::string& target)> mood = [](const std::string&) { return Mood::takes; };
  // How many times answer() passes over an answer that is late.
  std::function<unsigned()> delay = [] { return 0; };

  std::map<std::string, Target> targets;
  std::uint64_t attempts = 0;
  bool keeps_rows = true;  // each attempt at a lot began with the rows offered before

  [[nodiscard]] std::uint64_t readings() const {
    std::uint64_t count = 0;
    for (const auto& [name, target] : targets) count += target.readings.size() - target.resent;
    return count;
  }

  // Gives late answers whose time has come; those that come twice once more the next time.
  void answer() {
    for (std::size_t waiting = late_.size(); waiting > 0; --waiting) {
      Late late = std::move(late_.front());
      late_.pop_front();
      if (late.delay > 0) {
        --late.delay;
        late_.push_back(std::move(late));
        continue;
      }
      late.reply(late.attempt, late.answer);
      if (--late.times > 0) late_.push_back(std::move(late));
    }
  }
  // Whoever waits for them is no longer there.
  void forget_late_answers() { late_.clear(); }
  [[nodiscard]] std::size_t late_answers() const { return late_.size(); }

  // Ends all calls that hang.
  void wake() {
    const std::lock_guard lock(mutex_);
    awake_ = true;
    woken_.notify_all();
  }
  [[nodiscard]] bool is_hanging() const {
    const std::lock_guard lock(mutex_);
    return hanging_ > 0;
  }

  std::optional<write::Answer> take(const std::string& name, const write::Lot& lot,
                                    const write::Reply& reply) {
    std::unique_lock lock(mutex_);
    ++attempts;
    const Mood now = mood(name);
    const bool stores = now != Mood::refuses && now != Mood::is_occupied && now != Mood::is_unreachable &&
                        now != Mood::removes_obstacle && now != Mood::refuses_late && now != Mood::takes_part;
    if (now == Mood::hangs) hang(lock);
    Target& target = targets[name];
    keep_offered(target, lot.offered);
    write::Answer answer = answer_of(now);
    const std::uint64_t resent = target.resent;
    if (now == Mood::takes_part) take_part(target, lot);
    if (stores) store(target, lot, now == Mood::rejects_some ? &answer : nullptr);
    answer.resent = target.resent - resent;
    if (now == Mood::loses_answer) {
      target.doubtful = lot.number;
      target.stored.clear();
      add(target.stored, lot.readings.heads(), 0, due_of);
      target.stored_events = lot.events.size();
    }
    const unsigned times = now == Mood::answers_twice ? 2 : 1;
    if (now != Mood::answers_late && now != Mood::refuses_late && now != Mood::answers_twice) return answer;
    late_.push_back({lot.attempt, answer, reply, times, delay()});
    return std::nullopt;
  }

  [[nodiscard]] write::PartTaken part_taken(const std::string& name, const write::Lot& lot) {
    const std::lock_guard lock(mutex_);
    const Target& target = targets[name];
    write::PartTaken known;
    if (target.part_of == lot.number) known.taken.readings = target.part;
    if (target.doubtful == lot.number)
      known.unanswered = write::Share{target.stored.size(), target.stored_events}.without(known.taken);
    return known;
  }

 private:
  struct Late {
    std::uint64_t attempt;
    write::Answer answer;
    write::Reply reply;
    unsigned times;
    unsigned delay;
  };

  static write::Answer answer_of(Mood mood) {
    using Kind = write::Failure::Kind;
    switch (mood) {
      case Mood::is_occupied:
        return {.failure = {Kind::occupied, ErrorClass::busy, "is occupied"}};
      case Mood::is_unreachable:
        return {.failure = {Kind::unreachable, ErrorClass::io, "nobody answers"}};
      case Mood::removes_obstacle:
        return {.failure = {Kind::failing, ErrorClass::corrupt, "was in the way"},
                .incidents = {{"was put aside"}},
                .obstacle_removed = true};
      case Mood::refuses:
      case Mood::refuses_late:
      case Mood::loses_answer:
      case Mood::takes_part:
        return {.failure = {Kind::failing, ErrorClass::io, "does not work"}};
      default:
        return {};
    }
  }

  static Row due_of(const batch::Rows::Head& reading) { return {reading.sensor, reading.due}; }
  static Row start_of(const batch::AnomalyEvent& event) { return {event.sensor, event.started_at}; }

  static void add(std::vector<Row>& rows, const auto& items, std::size_t from, auto key) {
    for (const auto& item : items.subspan(from)) rows.push_back(key(item));
  }

  // Of the rows in doubt, some may have been dropped since.
  static void keep_offered(Target& target, const write::Share& offered) {
    target.stored.resize(std::min(target.stored.size(), offered.readings));
    target.stored_events = std::min(target.stored_events, offered.events);
  }

  // What is in doubt stays so.
  void take_part(Target& target, const write::Lot& lot) {
    if (target.doubtful == lot.number) return;
    const std::size_t before = target.part_of == lot.number ? target.part : 0;
    target.part_of = lot.number;
    target.part = before + (lot.readings.size() - before) / 2;
    add(target.readings, lot.readings.heads().first(target.part), before, due_of);
  }

  void store(Target& target, const write::Lot& lot, write::Answer* rejects) {
    write::Share there;
    if (target.part_of == lot.number) there.readings = target.part;
    std::size_t stored_before = there.readings;  // which is not rejected now
    if (target.doubtful == lot.number) {
      stored_before = std::max(stored_before, target.stored.size());
      const write::Share stored{target.stored.size(), target.stored_events};
      std::vector<Row> again;
      add(again, lot.readings.heads().first(stored.readings), 0, due_of);
      keeps_rows = keeps_rows && std::equal(again.begin(), again.end(), target.stored.begin());
      if (!knows_lots_) target.resent += stored.readings - there.readings;
      if (knows_lots_) there = stored;
    }
    target.doubtful.reset();
    const std::size_t fresh = lot.readings.size() - std::min(stored_before, lot.readings.size());
    const std::size_t refused = rejects != nullptr ? (fresh + 2) / 3 : 0;
    if (rejects != nullptr) rejects->rejected.readings = refused;
    target.rejected += refused;
    add(target.readings, lot.readings.heads().first(lot.readings.size() - refused), there.readings, due_of);
    add(target.events, lot.events, there.events, start_of);
    ++target.lots;
  }

  void hang(std::unique_lock<std::mutex>& lock) {
    ++hanging_;
    woken_.wait(lock, [this] { return awake_; });
    --hanging_;
  }

  bool knows_lots_;
  std::deque<Late> late_;
  mutable std::mutex mutex_;
  std::condition_variable woken_;
  bool awake_ = false;    // under mutex_
  unsigned hanging_ = 0;  // under mutex_
};

class FakeDestination final : public write::Destination {
 public:
  FakeDestination(FakeStore& store, std::string name, write::Reply reply)
      : store_(store), name_(std::move(name)), reply_(std::move(reply)) {}

  [[nodiscard]] const std::string& name() const override { return name_; }
  std::optional<write::Answer> take(const write::Lot& lot) override {
    return store_.take(name_, lot, reply_);
  }
  [[nodiscard]] write::PartTaken part_taken(const write::Lot& lot) const override {
    return store_.part_taken(name_, lot);
  }
  std::string finish() override {
    store_.targets[name_].is_finished = true;
    return {};
  }

 private:
  FakeStore& store_;
  std::string name_;
  write::Reply reply_;
};

class FakeSink final : public write::Sink {
 public:
  explicit FakeSink(FakeStore& store) : store_(store) {}

  std::unique_ptr<write::Destination> make(const write::Target& target, write::Reply reply) override {
    return std::make_unique<FakeDestination>(store_, target.name, std::move(reply));
  }
  [[nodiscard]] SteadyTime::duration lock_timeout() const override { return std::chrono::seconds(5); }

 private:
  FakeStore& store_;
};

}  // namespace fleet_sim::test
