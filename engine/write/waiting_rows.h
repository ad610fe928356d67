// How many rows, readings and events, wait in a writer's memory, and whether there may be more. At most
// `most` wait, besides the batch that is being dealt out and one row of each shard that fails. Half of them
// are for shards that work or are being retried: beyond it memory is full, the writer takes no more batches,
// and the fleet waits. The other half is the backlog, of shards whose retries have run out: beyond it their
// new rows are counted as lost. What a shard brings along when its retries run out is kept even beyond that
// half, until others need the room; then the newest of it is lost.
//
// Counts only; the rows are in ShardRows. A value; the writer's thread. To subtract what was not added is a
// fault (base/faults.h), and leaves zero.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/faults.h"

namespace fleet_sim::write {

class WaitingRows {
 public:
  explicit WaitingRows(std::uint64_t most) : most_(most) {}

  // One more row waits.
  void add(bool in_backlog) {
    ++count_;
    if (in_backlog) ++backlog_;
  }

  // This many rows no longer wait; all or none of them were in the backlog.
  void remove(std::uint64_t rows, bool in_backlog) {
    take(in_backlog ? rows : 0, backlog_);
    take(rows, count_);
    ensure(backlog_ <= count_, "the backlog is part of what waits");
  }

  // Rows that wait go on waiting as part of the backlog, or no longer as such.
  void move_to_backlog(std::uint64_t rows) {
    backlog_ += rows;
    ensure(backlog_ <= count_, "the backlog is part of what waits");
  }
  void take_from_backlog(std::uint64_t rows) { take(rows, backlog_); }

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] bool memory_is_full() const { return count_ - backlog_ >= most_ / 2; }
  [[nodiscard]] bool backlog_is_full() const { return backlog_ >= most_ / 2; }

  // This many rows of the backlog must give way to others.
  [[nodiscard]] std::uint64_t excess() const {
    if (count_ <= most_ || backlog_ <= most_ / 2) return 0;
    return std::min(count_ - most_, backlog_ - most_ / 2);
  }

 private:
  static void take(std::uint64_t rows, std::uint64_t& from) {
    ensure(rows <= from, "no more rows leave than wait");
    from -= std::min(rows, from);
  }

  std::uint64_t most_;
  std::uint64_t count_ = 0;
  std::uint64_t backlog_ = 0;  // of these
};

}  // namespace fleet_sim::write
