#include "write/condition.h"

#include <algorithm>

#include "base/faults.h"
#include "write/backoff.h"

namespace fleet_sim::write {
namespace {

constexpr BackoffPolicy lock_backoff{2'000, 25'000};  // somebody else is writing: knock often
constexpr BackoffPolicy failure_backoff{20'000, 2'000'000};

SteadyTime after(SteadyTime now, Microseconds delay) {
  return now + std::chrono::microseconds(delay);
}

}  // namespace

const Failing* failing_in(const Condition& condition) {
  if (const Away* away = std::get_if<Away>(&condition)) return &away->before;
  return std::get_if<Failing>(&condition);
}

bool is_exhausted(const Condition& condition) {
  const Failing* failing = failing_in(condition);
  return failing != nullptr && failing->standing == Failing::Standing::exhausted;
}

Failing fallen_sick(SteadyTime now) {
  return {.since = now, .retry_at = now};
}

Setback refused(const Failing& failing, const Answer& answer, const Attempt& attempt) {
  ensure(!answer.failure.ok(), "a refusal has a failure");
  Failing next = failing;
  const bool may_last = answer.failure.held();
  if (may_last || (answer.failure.occupied() && attempt.now - failing.since < attempt.lock_timeout)) {
    next.retry_at = after(attempt.now, backoff_delay(lock_backoff, 4, attempt.word));
    return {Setback::Kind::waits, next};
  }
  if (answer.obstacle_removed) {
    next.retry_at = attempt.now;
    return {Setback::Kind::obstacle_removed, next};
  }
  next.retry_at = after(attempt.now, backoff_delay(failure_backoff, ++next.failures, attempt.word));
  const bool round_is_over = next.failures % (1 + retries) == 0;
  return {round_is_over ? Setback::Kind::round_is_over : Setback::Kind::failure, next};
}

Failing exhausted(Failing failing) {
  failing.standing = Failing::Standing::exhausted;
  return failing;
}

Failing awaiting_help(Failing failing) {
  failing.standing = Failing::Standing::awaits_help;
  failing.round = Failing::Round::any;
  return failing;
}

Away left(const Condition& condition, SteadyTime now) {
  ensure(!is_away(condition), "one call at a time");
  const Failing* failing = std::get_if<Failing>(&condition);
  return {.before = failing != nullptr ? *failing : fallen_sick(now), .since = now};
}

Away overdue(Away away, bool paced) {
  ensure(away.answer == Away::Answer::awaited, "an answer becomes overdue once");
  away.answer = Away::Answer::overdue;
  const auto standing = paced ? Failing::Standing::exhausted : Failing::Standing::announced;
  away.before.standing = std::max(away.before.standing, standing);
  return away;
}

Failing came_back(const Away& away) {
  Failing failing = away.before;
  if (away.answer == Away::Answer::overdue && failing.round == Failing::Round::last) {
    failing.failures = std::max(failing.failures, retries);
  }
  return failing;
}

Failing begin_last_round(Failing failing, SteadyTime now) {
  failing.round = Failing::Round::last;
  failing.failures = 0;
  failing.since = failing.retry_at = now;
  return failing;
}

bool is_past_saving(const Failing& failing) {
  return failing.round == Failing::Round::last && failing.failures > retries;
}

}  // namespace fleet_sim::write
