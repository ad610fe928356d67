// How a destination fares, as its writer sees it: one explicit state, and the pure transitions between
// states.
//
//   Working ──refused──▶ Failing ──refused──▶ Failing (retrying → exhausted, after a round of retries)
//   Working, Failing ──left──▶ Away ──came_back──▶ Failing      Away ──overdue──▶ Away
//   Failing ──begin_last_round──▶ Failing        Failing ──taken, given up──▶ Working
//
// A destination that works stands in the writer's line when rows wait for it; any other is among the sick.
// Nothing here looks at a clock, a disk or a writer. Values; any thread.
#pragma once

#include <cstdint>
#include <variant>

#include "base/clock.h"
#include "base/timestamp.h"
#include "write/destination.h"

namespace fleet_sim::write {

inline constexpr unsigned retries = 3;  // of a round, after its first attempt

struct Working {};

// Its last attempt has failed, has met somebody else at work, or has come back late.
struct Failing {
  enum class Standing : std::uint8_t {
    retrying,     // nothing has been logged yet
    announced,    // that it does not answer has; its rows still wait like those of others
    awaits_help,  // likewise what somebody has to see to, and the fleet waits with it as long as that takes
    exhausted     // the retries have run out; probing continues, and its rows are the backlog
  };
  enum class Round : std::uint8_t { any, last };  // last: it is given up when this one runs out

  SteadyTime since{};  // the first of the attempts in question
  SteadyTime retry_at{};
  unsigned failures = 0;  // in a row
  Standing standing = Standing::retrying;
  Round round = Round::any;

  bool operator==(const Failing&) const = default;
};

// In a call that has not come back, or waiting for an answer that comes later.
struct Away {
  enum class Answer : std::uint8_t { awaited, overdue };

  Failing before;  // what it returns to
  SteadyTime since{};
  Answer answer = Answer::awaited;

  bool operator==(const Away&) const = default;
};

using Condition = std::variant<Working, Failing, Away>;

[[nodiscard]] inline bool is_working(const Condition& condition) {
  return std::holds_alternative<Working>(condition);
}
[[nodiscard]] inline bool is_away(const Condition& condition) {
  return std::holds_alternative<Away>(condition);
}
// What is failing, here or away; null when nothing is.
[[nodiscard]] const Failing* failing_in(const Condition& condition);
// Whether its rows are the backlog.
[[nodiscard]] bool is_exhausted(const Condition& condition);

// The first attempt that did not do.
[[nodiscard]] Failing fallen_sick(SteadyTime now);

// What a refusal means, and what follows from it.
struct Setback {
  enum class Kind : std::uint8_t {
    waits,             // for somebody else, who may take so long: no error
    obstacle_removed,  // an error, and the next attempt comes at once
    failure,           // an error, and the next attempt comes after a while
    round_is_over      // as before, and the last of a round of retries
  };
  Kind kind;
  Failing next;
};
struct Attempt {
  SteadyTime now;
  SteadyTime::duration lock_timeout;  // how long somebody else may be at work before it is an error
  std::uint64_t word;                 // for the jitter of the back-off
};
[[nodiscard]] Setback refused(const Failing& failing, const Answer& answer, const Attempt& attempt);
[[nodiscard]] Failing exhausted(Failing failing);
// No round is its last one, as long as that lasts.
[[nodiscard]] Failing awaiting_help(Failing failing);
[[nodiscard]] inline bool awaits_help(const Failing& failing) {
  return failing.standing == Failing::Standing::awaits_help;
}

// Of one that is not away.
[[nodiscard]] Away left(const Condition& condition, SteadyTime now);
// `paced`: the fleet does not wait, and so the rows that come meanwhile are the backlog.
[[nodiscard]] Away overdue(Away away, bool paced);
// Whether or not it has answered, an attempt that became overdue in a last round is the last: the end of a
// run does not wait that long several times.
[[nodiscard]] Failing came_back(const Away& away);

// While winding up, as if it had only begun to fail: a lock gets the time that it may take, and any other
// trouble a round of retries.
[[nodiscard]] Failing begin_last_round(Failing failing, SteadyTime now);
[[nodiscard]] bool is_past_saving(const Failing& failing);

}  // namespace fleet_sim::write
