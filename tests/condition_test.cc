// How a destination fares: every transition, without a disk, a clock or a writer.
#include <doctest/doctest.h>

#include <chrono>
#include <variant>

#include "write/condition.h"

namespace fleet_sim::condition_test {

using namespace fleet_sim::write;

namespace {

using Standing = Failing::Standing;
using Kind = Setback::Kind;

constexpr SteadyTime start{std::chrono::hours(1)};
constexpr auto lock_timeout = std::chrono::seconds(5);

SteadyTime at(std::chrono::milliseconds after_start) {
  return start + after_start;
}
SteadyTime at(int milliseconds) {
  return at(std::chrono::milliseconds(milliseconds));
}

Answer refusal(Failure::Kind kind) {
  return {.failure = {kind, ErrorClass::io, "no"}};
}

Setback refused_at(const Failing& failing, Failure::Kind kind, SteadyTime now) {
  return refused(failing, refusal(kind), {now, lock_timeout, 1});
}

// After so many failures in a row.
Failing failed(unsigned times, Failing failing = fallen_sick(start)) {
  for (unsigned i = 0; i < times; ++i) failing = refused_at(failing, Failure::Kind::failing, start).next;
  return failing;
}

}  // namespace

TEST_CASE("what works is neither failing nor away nor exhausted") {
  const Condition working;
  CHECK(is_working(working));
  CHECK_FALSE(is_away(working));
  CHECK_FALSE(is_exhausted(working));
  CHECK(failing_in(working) == nullptr);
}

TEST_CASE("what holds a destination up is no error, however long it takes") {
  const Failing failing = fallen_sick(start);
  const Setback late = refused_at(failing, Failure::Kind::held, start + std::chrono::hours(24));
  CHECK(late.kind == Kind::waits);
  CHECK(late.next.failures == 0);
  CHECK(late.next.standing == Standing::retrying);
}

TEST_CASE("somebody else at work is no error until it lasts, and is tried again soon") {
  const Failing failing = fallen_sick(start);
  const Setback early = refused_at(failing, Failure::Kind::occupied, at(4'999));
  CHECK(early.kind == Kind::waits);
  CHECK(early.next.failures == 0);
  CHECK(early.next.since == start);
  CHECK(early.next.retry_at > at(4'999));
  CHECK(early.next.retry_at <= at(4'999 + 25));
  const Setback late = refused_at(failing, Failure::Kind::occupied, at(5'000));
  CHECK(late.kind == Kind::failure);
  CHECK(late.next.failures == 1);
}

TEST_CASE("each failure waits longer for the next attempt, at most two seconds") {
  Failing failing = fallen_sick(start);
  for (int i = 0; i < 20; ++i) {
    const auto longest = std::min(std::chrono::milliseconds(20 << i), std::chrono::milliseconds(2'000));
    failing = refused_at(failing, Failure::Kind::failing, start).next;
    CHECK(failing.retry_at >= start + longest / 2);
    CHECK(failing.retry_at <= start + longest);
  }
}

TEST_CASE("a round is the first attempt and three retries") {
  Failing failing = fallen_sick(start);
  for (unsigned failures = 1; failures <= 12; ++failures) {
    const Setback setback = refused_at(failing, Failure::Kind::failing, start);
    CHECK(setback.kind == (failures % 4 == 0 ? Kind::round_is_over : Kind::failure));
    CHECK(setback.next.failures == failures);
    failing = setback.next;
  }
}

TEST_CASE("what belongs to somebody else fails like anything else") {
  CHECK(refused_at(fallen_sick(start), Failure::Kind::foreign, start).kind == Kind::failure);
}

TEST_CASE("an obstacle that was removed is tried again at once, and does not count as a failure in a row") {
  Answer answer = refusal(Failure::Kind::failing);
  answer.obstacle_removed = true;
  const Setback setback = refused(failed(2), answer, {at(7), lock_timeout, 1});
  CHECK(setback.kind == Kind::obstacle_removed);
  CHECK(setback.next.retry_at == at(7));
  CHECK(setback.next.failures == 2);
}

TEST_CASE("the rows of a shard whose retries have run out are the backlog, here and away") {
  const Failing failing = exhausted(failed(4));
  CHECK(is_exhausted(failing));
  CHECK(is_exhausted(left(failing, at(1))));
  CHECK(is_exhausted(came_back(left(failing, at(1)))));
  CHECK_FALSE(is_exhausted(failed(3)));
  // Further failures leave it exhausted.
  CHECK(is_exhausted(failed(1, failing)));
}

TEST_CASE("rows that await space are no backlog, here or away, and no round is the last one") {
  const Failing failing = awaiting_help(begin_last_round(failed(4), at(20)));
  CHECK(awaits_help(failing));
  CHECK_FALSE(is_exhausted(failing));
  CHECK_FALSE(is_exhausted(overdue(left(failing, at(21)), false)));
  CHECK(awaits_help(came_back(left(failing, at(21)))));
  CHECK_FALSE(is_past_saving(failed(40, failing)));
  CHECK_FALSE(awaits_help(exhausted(failing)));
}

TEST_CASE("a call that does not come back takes a shard away from where it was, and returns it there") {
  const Away from_work = left(Working{}, at(3));
  CHECK(from_work.since == at(3));
  CHECK(from_work.answer == Away::Answer::awaited);
  CHECK(from_work.before == fallen_sick(at(3)));
  const Failing failing = failed(2);
  CHECK(came_back(left(failing, at(9))) == failing);
}

TEST_CASE("without an answer for long, a paced fleet's rows become the backlog, and others keep waiting") {
  const Away away = left(Working{}, start);
  const Away paced = overdue(away, true);
  CHECK(paced.answer == Away::Answer::overdue);
  CHECK(paced.before.standing == Standing::exhausted);
  const Away unpaced = overdue(away, false);
  CHECK(unpaced.before.standing == Standing::announced);
  CHECK_FALSE(is_exhausted(unpaced));
  CHECK(overdue(left(exhausted(failed(4)), start), false).before.standing == Standing::exhausted);
}

TEST_CASE("the next call is awaited anew, although the last one was overdue") {
  const Failing back = came_back(overdue(left(Working{}, start), false));
  CHECK(back.standing == Standing::announced);
  CHECK(left(back, at(5)).answer == Away::Answer::awaited);
}

TEST_CASE("the last round gives everything its full time once more, and then there is nothing to save") {
  const Failing last = begin_last_round(exhausted(failed(7)), at(20));
  CHECK(last.failures == 0);
  CHECK(last.since == at(20));
  CHECK(last.retry_at == at(20));
  CHECK(is_exhausted(last));
  CHECK_FALSE(is_past_saving(last));
  CHECK_FALSE(is_past_saving(failed(3, last)));
  CHECK(is_past_saving(failed(4, last)));
  CHECK_FALSE(is_past_saving(failed(40)));  // which is not in its last round
  // It stays the last one through a call that hangs.
  CHECK(came_back(left(last, at(21))).round == Failing::Round::last);
}

TEST_CASE("a call that becomes overdue is the last one of the last round, and of no other") {
  const Failing last = begin_last_round(exhausted(failed(7)), at(20));
  const Failing back = came_back(overdue(left(last, at(21)), true));
  CHECK_FALSE(is_past_saving(back));
  CHECK(is_past_saving(failed(1, back)));
  CHECK_FALSE(is_past_saving(failed(1, came_back(left(last, at(21))))));
  CHECK(came_back(overdue(left(failed(1), at(21)), true)).failures == 1);
}

}  // namespace fleet_sim::condition_test
