// Where rows go. A destination takes a lot whole, or says why not; what has been taken is written. The writer
// owns deadlines, retries, backlog, error limit, calls that hang, and the books, and does not know which kind
// of destination it holds. A kind is a Sink, which makes the destinations of one writer: a file per shard, or
// one connection for all.
//
// A destination is used by one thread at a time, not always the same one, and beside the other destinations
// of its sink. Nothing here throws.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/errors.h"
#include "write/lot.h"
#include "write/places.h"

namespace fleet_sim::write {

// Where a writer and its sink say what happens: in lines, most of which begin with the name of a target. Any
// thread.
struct Lines {
  using Say = std::function<void(const std::string& line)>;

  Say change = [](const std::string&) {};  // one per change of state
  Say detail = [](const std::string&) {};  // one per step: an attempt that failed, a file closed
};

// Why a lot was not taken. Nothing of it is then written, as far as the destination knows; where an answer
// was lost on the way, the next attempt finds out (Lot).
struct Failure {
  enum class Kind : std::uint8_t {
    none,
    occupied,     // somebody else is at work there, which passes: not an error until it lasts
    held,         // takes nothing more until somebody else ends, however long that takes: no error
    failing,      // worth another attempt, after a while
    unreachable,  // nobody answers there: likewise, and somebody will see to it
    foreign       // belongs to somebody else: no attempt will change that
  };

  Kind kind = Kind::none;
  ErrorClass error_class = ErrorClass::io;  // the class it is counted in
  std::string message = {};

  [[nodiscard]] bool ok() const { return kind == Kind::none; }
  [[nodiscard]] bool occupied() const { return kind == Kind::occupied; }
  [[nodiscard]] bool held() const { return kind == Kind::held; }
  [[nodiscard]] bool foreign() const { return kind == Kind::foreign; }
  // Whether it passes when somebody sees to it, such as by making space on a disk: nothing is lost by
  // waiting.
  [[nodiscard]] bool may_pass() const { return error_class == ErrorClass::full || kind == Kind::unreachable; }
};

// Something a destination met and dealt with, for the log.
struct Incident {
  std::string what;                            // follows the destination's name
  std::optional<ErrorClass> error_class = {};  // counted, unless the failure counts for it
};

struct Answer {
  Failure failure = {};
  std::vector<Incident> incidents = {};
  bool obstacle_removed = false;  // what failed has been put aside: the next attempt need not wait
  // Without a failure: rows of the lot that the target will not take, whoever asks how often.
  Share rejected = {};
  // Readings that this attempt has sent once more, because an earlier one was not answered.
  std::uint64_t resent = 0;
  // Without a failure: whoever took the rows has had enough, so the run ends. The last rows of the lot, of
  // each kind, that were not taken.
  bool has_ended = false;
  Share untaken = {};
  // The rows have been taken, but count as written only once Sink::settled says so.
  bool settles_later = false;
};

// What a destination has written down and not put in its place yet.
struct LogState {
  std::uint64_t bytes = 0;
  std::optional<SteadyTime> held_since = {};  // somebody has kept it from being emptied since then
};

class Destination {
 public:
  Destination() = default;
  virtual ~Destination() = default;
  Destination(const Destination&) = delete;
  Destination& operator=(const Destination&) = delete;

  // What log lines call it.
  [[nodiscard]] virtual const std::string& name() const = 0;

  // Gets ready for lots ahead of the first one.
  virtual Failure open() { return {}; }

  // Takes the lot, which is not empty unless it is the last one. May hang: the writer then works on with its
  // other destinations. No answer now means that it comes later, through Reply; until then the lot stays
  // where it is and no other is offered. Only the first answer to an attempt counts.
  virtual std::optional<Answer> take(const Lot& lot) = 0;

  // Of a lot that was offered and has not been taken. Before it is offered again, some of the rows that are
  // not part of this may have gone.
  [[nodiscard]] virtual PartTaken part_taken(const Lot&) const { return {}; }

  // As the last lot left it.
  [[nodiscard]] virtual LogState log() const { return {}; }

  // After each lot that was taken at once: work that can wait, and may take its time.
  virtual void tidy() {}

  // The end, after the last lot, beside other destinations: leaves the target as others are to find it.
  // Returns what could not be done, in words that others may share; empty when all is well.
  virtual std::string finish() { return {}; }
};

// Answers an attempt (Lot::attempt) later. Any thread, as long as there is a writer.
using Reply = std::function<void(std::uint64_t attempt, Answer answer)>;

// Rows that a sink has deleted by itself.
struct RowsDeleted {
  std::uint64_t readings = 0;
  std::uint64_t events = 0;
};

// A kind of destination, as one writer uses it. Outlives the destinations it makes.
class Sink {
 public:
  Sink() = default;
  virtual ~Sink() = default;
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  // The destination for this target, which the plan of shards names. The writer's thread.
  virtual std::unique_ptr<Destination> make(const Target& target, Reply reply) = 0;

  // Whether each batch is taken as it comes, at once and without fail, so that nothing needs to be gathered.
  [[nodiscard]] virtual bool takes_batches() const { return false; }

  // How long somebody else may be at work at a target before that counts as an error.
  [[nodiscard]] virtual SteadyTime::duration lock_timeout() const { return {}; }

  // Around the writer's thread: before its first lot, and after its last, before the destinations finish.
  // Once `is_over` says so, nothing will come, and nothing is worth preparing for.
  virtual void begin(const std::function<bool()>& /*is_over*/) {}
  virtual void end() {}

  // How many destinations may finish at the same time, each on a thread of its own.
  [[nodiscard]] virtual std::size_t most_finishing() const { return 1; }

  // So far. Any thread.
  [[nodiscard]] virtual RowsDeleted deleted() const { return {}; }

  // How many readings have been settled so far of those that were to settle later. After end(), those that
  // have not never will. Any thread.
  [[nodiscard]] virtual std::uint64_t settled() const { return 0; }
};

}  // namespace fleet_sim::write
