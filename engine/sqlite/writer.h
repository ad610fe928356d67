// The writer: takes batches from its queue, deals their rows out to its shards, and commits each shard when
// enough rows wait for it or the oldest has waited long enough. `step(now)` is the whole of it and never
// sleeps; `run` calls it on the writer's thread. N writers are N instances with shards of their own.
//
// Bounds: at most `open_shards` files are open, and at most `pending_rows` rows wait in memory, half of them
// as the backlog of shards whose retries have run out; `WaitingRows` says what happens beyond. A shard that
// fails is tried again at a deadline of its own. That holds from the start: the backlog of a file that cannot
// be opened is what an in-memory database would hold, in less memory.
//
// The error limit is reached when one shard's retries have run out so many times with no commit of any shard
// between. A full disk does not count while the backlog has room, for as long nothing is lost by waiting.
//
// A disk may not answer at all. The call into it then holds up its thread only: another goes on with the
// other shards (`Relay`), while the rows of that one wait beside it. A fleet with a pace of its own goes on
// as well; once the disk has not answered for `Patience::degraded`, those rows are a backlog like that of a
// shard whose retries have run out. A fleet without pace loses nothing by waiting until the disk answers.
//
// A file that turns out to be corrupt is set aside, one that has been deleted or renamed is let go; either
// way it is counted, said once, and another begun under its name.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
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
#include "sqlite/checkpointer.h"
#include "sqlite/found_rows.h"
#include "sqlite/open_shards.h"
#include "sqlite/retention.h"
#include "sqlite/shard.h"
#include "sqlite/shard_plan.h"
#include "write/relay.h"
#include "write/shard_board.h"
#include "write/waiting_rows.h"

namespace fleet_sim::sqlite {

// How long a disk may take to answer before …
struct Patience {
  SteadyTime::duration others = std::chrono::milliseconds(100);  // … the other shards no longer wait for it
  SteadyTime::duration degraded = std::chrono::seconds(10);      // … its shard counts as one that fails
};

// What a writer works with. Borrowed; outlives it.
struct WriterContext {
  ShardContext shard;
  const config::WriteSettings& settings;
  const ShardPlan::Places& place_of;
  SimulationClock clock;
  batch::BatchPool& pool;
  Ledger& ledger;
  ErrorCounts& errors;
  std::size_t pending_rows;  // this writer's share
  std::size_t open_shards;
  std::function<void(const std::string&)> log;  // one line per change of state; any thread
  std::function<void()> give_up;                // the error limit is reached
  Patience patience = {};
};

class Writer {
 public:
  Writer(WriterContext context, const std::vector<std::string>& paths, std::size_t queue_capacity);

  // Takes up a run: `found` has, for each shard, what need not be written again. Before the thread starts.
  void take_up(std::vector<std::unique_ptr<FoundRows>> found);

  [[nodiscard]] batch::BatchQueue& queue() { return queue_; }

  // Opens and sets up a shard before the thread starts. The first one shows whether the data directory can be
  // written at all.
  StorageError open_ahead(std::uint32_t index);

  // Takes what has come, commits what is due, and returns when it wants to be called again, unless a batch
  // comes earlier.
  SteadyTime step(SteadyTime now);

  // The end, once no batch comes any more: writes what still waits, with the usual retries, and leaves every
  // file standing alone. Returns when it wants to be called again; nothing once everything has been committed
  // or counted as lost.
  std::optional<SteadyTime> wind_up(SteadyTime now);

  // The thread, and those that take turns with it: steps until finish() was called and everything has been
  // committed or counted as lost.
  void run();

  // Adds shards behind those there are. Any thread, before it hands over a batch with rows of theirs.
  void add_shards(std::vector<std::string> paths);

  // No further batches will come.
  void finish();

  // Readings that wait in memory. Only once the thread has ended.
  [[nodiscard]] std::uint64_t held() const;
  [[nodiscard]] const Histogram& lag() const { return lag_; }
  // How long each commit took, from BEGIN to COMMIT, failed attempts left out.
  [[nodiscard]] const Histogram& commit_time() const { return commit_time_; }
  [[nodiscard]] const write::ShardBoard& board() const { return board_; }
  [[nodiscard]] const batch::RecentEvents& recent_events() const { return recent_events_; }
  // Readings and events in memory.
  [[nodiscard]] std::uint64_t waiting() const { return waiting_shown_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t files_written() const { return files_written_.load(std::memory_order_relaxed); }
  // None unless the config asks for it.
  [[nodiscard]] const Retention* retention() const { return retention_.get(); }
  // Share of its time that the thread spent working.
  [[nodiscard]] double busy_share() const;

 private:
  using Line = std::set<std::pair<SteadyTime, std::uint32_t>>;

  // A shard with what the writer knows about it.
  struct Slot {
    explicit Slot(std::unique_ptr<Shard> s) : shard(std::move(s)) {}
    [[nodiscard]] std::size_t pending_count() const {
      return shard->pending_count() + (away ? away->pending_count() : 0);
    }
    std::unique_ptr<Shard> shard;
    std::unique_ptr<Shard> away;  // in a call that has not come back; `shard` only keeps what comes meanwhile
    std::unique_ptr<FoundRows> found;  // of a run that goes on
    bool written = false;              // something was committed in this run
    bool log_left = false;             // closed for the time being, its write-ahead log beside it
    bool set_aside = false;            // a corrupt file, with nothing committed since
    bool log_lost = false;             // and that was said
    bool sick = false;                 // its last flush failed, met a lock, or has not come back
    bool unanswered = false;           // it has not come back for too long
    bool exhausted = false;   // the retries have run out; probing goes on, and its rows are the backlog
    bool last_round = false;  // of retries has begun, while winding up
    unsigned failures = 0;    // in a row
    unsigned fruitless = 0;   // rounds of retries that have run out …
    std::uint64_t fruitless_since = 0;  // … after so many commits of all shards
    SteadyTime sick_since{};
    SteadyTime retry_at{};
    SteadyTime away_since{};
  };

  // How an attempt to write a shard has ended.
  struct Outcome {
    StorageError error;
    bool had_moved = false;     // the file was no longer there, and another was begun
    bool had_lost_log = false;  // its write-ahead log was no longer there
    SteadyTime began{};
    SteadyTime ended{};
  };
  struct Returned {
    std::uint32_t index;
    Outcome outcome;
  };

  void take_batches(SteadyTime now);
  void take_new_shards();
  void discard(const batch::Batch& batch, SteadyTime now);
  void deal_out(const batch::Batch& batch, SteadyTime now);
  void stage(const batch::Row& reading, SteadyTime now);
  void stage(const batch::AnomalyEvent& event, SteadyTime now);
  bool is_found(const Slot& slot, const batch::Row& reading);
  void make_backlog_give_way();
  void work();
  [[nodiscard]] bool flush_due(SteadyTime now);
  [[nodiscard]] bool flush(std::uint32_t index, SteadyTime now);
  Outcome attempt(Shard& shard);
  void conclude(std::uint32_t index, const Outcome& outcome, SteadyTime now);
  void committed(std::uint32_t index, SteadyTime at);
  void fall_sick(std::uint32_t index, SteadyTime now);
  void keep_log_short(Shard& shard);
  void go_on_without(std::uint32_t index);
  void look_for_returned(SteadyTime now);
  void take_back(std::uint32_t index, const Outcome& outcome, SteadyTime now);
  void does_not_answer(std::uint32_t index);
  void failed(std::uint32_t index, const StorageError& error, SteadyTime now);
  void retries_ran_out(std::uint32_t index, const StorageError& error);
  bool set_aside_corrupt(std::uint32_t index, const StorageError& error);
  void note_whether_open(std::uint32_t index);
  void stand_in_line(std::uint32_t index);
  void leave_line(std::uint32_t index);
  void make_room_to_open();
  void close_for_now(std::uint32_t index);
  void close_all();
  void begin_last_round(std::uint32_t index, SteadyTime now);
  void give_up_on(std::uint32_t index);
  void wait_until(SteadyTime deadline);
  [[nodiscard]] SteadyTime next_deadline(SteadyTime now) const;

  WriterContext context_;
  batch::BatchQueue queue_;
  std::vector<Slot> slots_;
  std::deque<std::uint32_t> full_;   // shards with a transaction's worth of rows
  Line line_;                        // healthy shards with something to write, longest waiting first
  std::vector<std::uint32_t> sick_;  // of these …
  std::vector<std::uint32_t> away_;  // … those in a call that has not come back
  OpenShards open_;
  write::WaitingRows waiting_;
  std::uint64_t commits_ = 0;
  bool gave_up_ = false;
  std::unique_ptr<Checkpointer> checkpointer_;  // while the writer's thread runs
  std::unique_ptr<write::Relay> relay_;         // while the writer's thread runs
  std::optional<std::uint32_t> in_hand_;        // the shard that is being written
  bool winding_up_ = false;
  Mailbox<Returned> returned_;  // calls that came back too late
  std::unique_ptr<Retention> retention_;
  bool differed_ = false;  // a row of an earlier process is not what this one would have written
  Mailbox<std::vector<std::string>> new_paths_;
  std::atomic<bool> finishing_{false};
  std::atomic<std::uint64_t> files_written_{0};
  std::atomic<std::int64_t> busy_nanoseconds_{0};
  std::atomic<std::int64_t> idle_nanoseconds_{0};
  std::atomic<std::uint64_t> waiting_shown_{0};  // their count after the last step
  Histogram lag_;
  Histogram commit_time_;
  write::ShardBoard board_;
  batch::RecentEvents recent_events_;
};

}  // namespace fleet_sim::sqlite
