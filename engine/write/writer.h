// The writer: takes batches from its queue, deals their rows out to its shards, and offers each shard's rows
// to its destination when enough of them wait or the oldest has waited long enough. `step(now)` is the whole
// of it and never sleeps; `run` calls it on the writer's thread. N writers are N instances with shards of
// their own.
//
// Bounds: at most `pending_rows` rows wait in memory, half of them as the backlog of shards whose retries
// have run out; `WaitingRows` says what happens beyond. A shard that fails is tried again at a deadline of
// its own (`Condition`), from the start of the run on: the backlog of a destination that cannot be opened
// holds its rows.
//
// The error limit is reached when one shard's retries have run out so many times with nothing taken by any
// shard between. A full disk, or a server that does not answer, does not count while the backlog has room,
// for as long nothing is lost by waiting.
//
// A destination may not answer at all. The call into it then holds up its thread only: another works on with
// the other shards (`Relay`), while the rows of that one wait beside it. A fleet with a pace of its own keeps
// producing; once there has been no answer for `StallLimits::overdue`, those rows are a backlog like that of
// a shard whose retries have run out. A fleet without pace loses nothing by waiting for the answer. An answer
// that a destination has announced for later is awaited in the same way. So is space on a full disk
// and a server that is away, at the end too, until `stop_waiting()` says that somebody wants the run to end.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/errors.h"
#include "base/histogram.h"
#include "base/ledger.h"
#include "base/mailbox.h"
#include "batch/batch_queue.h"
#include "batch/recent_events.h"
#include "config/config.h"
#include "identity/identity.h"
#include "write/condition.h"
#include "write/destination.h"
#include "write/found_rows.h"
#include "write/places.h"
#include "write/relay.h"
#include "write/shard_board.h"
#include "write/shard_rows.h"
#include "write/waiting_rows.h"

namespace fleet_sim::write {

// How long a destination may take to answer before …
struct StallLimits {
  SteadyTime::duration hand_over = std::chrono::milliseconds(100);  // … another thread works on without it
  SteadyTime::duration overdue = std::chrono::seconds(10);          // … its shard counts as one that fails
};

// What a writer works with. Borrowed; outlives it.
struct WriterContext {
  const identity::Roster& roster;
  const config::WriteSettings& settings;
  const Places& place_of;
  const SimulationClock& clock;
  batch::BatchPool& pool;
  Ledger& ledger;
  ErrorCounts& errors;
  std::size_t pending_rows;  // this writer's share
  Lines log;
  std::function<void()> give_up;  // the error limit is reached
  StallLimits stall_limits = {};
  std::function<void()> reader_left = [] {};  // nobody takes any more rows: the run ends in order
};

class Writer {
 public:
  // A shard for each target.
  Writer(WriterContext context, std::unique_ptr<Sink> sink, const std::vector<Target>& targets,
         std::size_t queue_capacity);

  // Resumes a run: `found` has, for each shard, what need not be written again. Before the thread starts.
  void take_up(std::vector<FoundRows> found);

  [[nodiscard]] batch::BatchQueue& queue() { return queue_; }

  // Opens a shard's destination before the thread starts. The first one shows whether anything can be written
  // at all.
  Failure open_ahead(std::uint32_t index);

  // Takes what has come, offers what is due, and returns when it wants to be called again, unless a batch
  // comes earlier.
  SteadyTime step(SteadyTime now);

  // The end, once no more batches come: writes what still waits, with the usual retries, and has every
  // destination finish. Returns when it wants to be called again; nothing once everything has been written or
  // counted as lost.
  std::optional<SteadyTime> wind_up(SteadyTime now);

  // The thread, and those that take turns with it: steps until finish() was called and everything has been
  // written or counted as lost.
  void run();

  // Adds shards behind those there are. Any thread, before it hands over a batch with rows of theirs.
  void add_shards(std::vector<Target> targets);

  // No further batches will come.
  void finish();

  // The run is to stop: from now on nothing waits for what depends on somebody else, such as space
  // on a disk, or a reader that holds a log. Any thread, any number of times.
  void stop_waiting();

  // What could not be done at the end, with the names of the destinations. Only once the thread has ended.
  using Unfinished = std::map<std::string, std::vector<std::string>>;
  [[nodiscard]] const Unfinished& unfinished() const { return unfinished_; }

  // Readings that wait in memory. Only once the thread has ended.
  [[nodiscard]] std::uint64_t held() const;
  [[nodiscard]] const Histogram& lag() const { return lag_; }
  // How long each lot took from its offer to its answer, failed attempts left out.
  [[nodiscard]] const Histogram& commit_time() const { return commit_time_; }
  [[nodiscard]] const ShardBoard& board() const { return board_; }
  [[nodiscard]] const batch::RecentEvents& recent_events() const { return recent_events_; }
  // Readings and events in memory.
  [[nodiscard]] std::uint64_t waiting() const { return waiting_shown_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t files_written() const { return files_written_.load(std::memory_order_relaxed); }
  // By the sink itself.
  [[nodiscard]] RowsDeleted deleted() const { return sink_->deleted(); }
  // Share of its time that the thread spent working.
  [[nodiscard]] double busy_share() const;

 private:
  using Line = std::set<std::pair<SteadyTime, std::uint32_t>>;

  // A shard with what the writer knows about it. While its destination is away, `rows` are the lot it was
  // offered, and are left alone; what comes waits in `meanwhile`.
  struct Slot {
    [[nodiscard]] ShardRows& at_hand() { return is_away(condition) ? *meanwhile : rows; }
    [[nodiscard]] std::size_t size() const { return rows.size() + (meanwhile ? meanwhile->size() : 0); }

    std::unique_ptr<Destination> destination;
    ShardRows rows;
    std::unique_ptr<ShardRows> meanwhile;  // while away
    Condition condition;
    std::unique_ptr<FoundRows> found;  // of a run that is resumed
    std::uint64_t attempts = 0;
    SteadyTime offered_at{};
    unsigned fruitless = 0;             // rounds of retries that have run out …
    std::uint64_t fruitless_since = 0;  // … after so many lots of all shards
    bool written = false;               // something was taken in this run
    // Whether it gets more rows; and once it does not, whether its destination has been told.
    enum class Filled : std::uint8_t { not_yet, wholly, and_told };
    Filled filled = Filled::not_yet;
    bool is_last_offered = false;  // with the attempt in progress
    bool has_held_log = false;     // as was posted
  };

  // How an attempt has ended.
  struct Outcome {
    Answer answer;
    SteadyTime ended;
  };
  struct Returned {
    std::uint32_t index;
    std::uint64_t attempt;
    Outcome outcome;
  };

  void add_slot(const Target& target);
  void take_new_shards();
  void take_batches(SteadyTime now);
  void note_settled();
  void lose_unsettled();
  void pass_on(const batch::Batch& batch, SteadyTime now);
  void deal_out(const batch::Batch& batch, SteadyTime now);
  void stage(const batch::Row& reading, SteadyTime now);
  void stage(const batch::AnomalyEvent& event, SteadyTime now);
  void stage(const batch::FleetEvent& event, SteadyTime now);
  void stage(const batch::Delivery& delivery, SteadyTime now);
  template <class Truth>
  void stage_truth(std::uint32_t index, const Truth& truth, Timestamp at, SteadyTime now);
  bool is_found(Slot& slot, const batch::Row& reading);
  void make_backlog_give_way();
  void work();
  void note_filled(std::uint32_t index);
  [[nodiscard]] bool flush_due(SteadyTime now);
  [[nodiscard]] bool flush_full(SteadyTime now);
  [[nodiscard]] bool flush_sick(SteadyTime now);
  [[nodiscard]] bool flush(std::uint32_t index, SteadyTime now);
  static std::optional<Outcome> offer(Destination& destination, const Lot& lot);
  void conclude(std::uint32_t index, const Outcome& outcome, SteadyTime now);
  void taken(std::uint32_t index, const Answer& answer, SteadyTime at);
  void reader_has_left(std::uint32_t index, const Share& untaken);
  [[nodiscard]] PartTaken part_taken(const Slot& slot) const;
  void post_log(std::uint32_t index, SteadyTime at);
  void record_lag(const batch::Rows& readings, std::size_t count, SteadyTime at);  // of the first ones
  void failed(std::uint32_t index, const Answer& answer, SteadyTime now);
  void retries_ran_out(std::uint32_t index, const Failure& failure);
  [[nodiscard]] bool waits_for_help(const Slot& slot, const Failure& failure) const;
  void wait_for_help(std::uint32_t index, const Failure& failure);
  void exhaust(std::uint32_t index);
  void give_up_waiting();
  void reach_error_limit(const Slot& slot);
  void fall_sick(std::uint32_t index, SteadyTime now);
  void recover(std::uint32_t index);
  void work_without(std::uint32_t index, SteadyTime now);
  void give_back(Returned returned);
  void look_for_returned(SteadyTime now);
  void take_back(const Returned& returned, SteadyTime now);
  void is_overdue(std::uint32_t index);
  void stand_in_line(std::uint32_t index);
  void leave_line(std::uint32_t index);
  [[nodiscard]] bool stands_in_one_place(std::uint32_t index) const;
  [[nodiscard]] bool last_round_of(std::uint32_t index, SteadyTime now);
  void give_up_on(std::uint32_t index);
  void finish_all();
  void wait_until(SteadyTime deadline);
  [[nodiscard]] SteadyTime retry_at(std::uint32_t index) const;
  [[nodiscard]] SteadyTime next_deadline(SteadyTime now) const;
  [[nodiscard]] std::string name_of(std::uint32_t index) const { return slots_[index].destination->name(); }

  WriterContext context_;
  std::unique_ptr<Sink> sink_;
  batch::BatchQueue queue_;
  std::deque<Slot> slots_;           // grows while calls that hang refer to some of them
  std::deque<std::uint32_t> full_;   // shards with a lot's worth of rows, or with their last ones
  Line line_;                        // shards that work and have something to write, longest waiting first
  std::vector<std::uint32_t> sick_;  // those that do not work; of these …
  std::vector<std::uint32_t> away_;  // … those in a call that has not come back
  WaitingRows waiting_;
  std::uint64_t lots_taken_ = 0;
  std::uint64_t to_settle_ = 0;  // readings that were taken and are to settle later; of these …
  std::uint64_t settled_ = 0;    // … those that have
  bool gave_up_ = false;
  bool reader_left_ = false;              // and that was said
  std::unique_ptr<Relay> relay_;          // while the writer's thread runs
  std::optional<std::uint32_t> in_hand_;  // the shard that is being written
  bool winding_up_ = false;
  Unfinished unfinished_;
  bool differed_ = false;       // a row of an earlier process is not what this one would have written
  Mailbox<Returned> returned_;  // answers that came too late, or were announced for later
  Mailbox<std::vector<Target>> new_targets_;
  std::atomic<bool> finishing_{false};
  std::atomic<bool> waits_{true};  // until the run is to stop
  std::atomic<std::uint64_t> files_written_{0};
  std::atomic<std::int64_t> busy_nanoseconds_{0};
  std::atomic<std::int64_t> idle_nanoseconds_{0};
  std::atomic<std::uint64_t> waiting_shown_{0};  // their count after the last step
  Histogram lag_;
  Histogram commit_time_;
  ShardBoard board_;
  batch::RecentEvents recent_events_;
};

}  // namespace fleet_sim::write
