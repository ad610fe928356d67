// The readings, events and deliveries of one shard that wait to be taken by its destination, in order. They
// are offered whole, as a Lot, and stay until they are settled, so that a failure leaves them for the next
// attempt. A value; the writer's thread. The writer bounds how many there are (WaitingRows).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "batch/reading.h"
#include "batch/rows.h"
#include "write/lot.h"

namespace fleet_sim::write {

class ShardRows {
 public:
  void stage(const batch::Row& reading, SteadyTime now);
  void stage(const batch::AnomalyEvent& event, SteadyTime now);
  void stage(const batch::FleetEvent& event, SteadyTime now);
  void stage(const batch::Delivery& delivery, SteadyTime now);

  [[nodiscard]] const batch::Rows& readings() const { return readings_; }
  [[nodiscard]] std::span<const batch::AnomalyEvent> events() const { return events_; }
  [[nodiscard]] Share share() const {
    return {readings_.size(), events_.size(), fleet_events_.size(), deliveries_.size()};
  }
  [[nodiscard]] std::size_t size() const { return share().rows(); }
  [[nodiscard]] bool empty() const { return size() == 0; }
  // Since when the oldest waits.
  [[nodiscard]] SteadyTime since() const { return since_; }

  // Drops up to `count` rows, the newest first and readings before events of anomalies, before those of the
  // fleet, before deliveries, but none of the first rows that are to be kept. Returns what was dropped.
  Share forget_newest(std::size_t count, const Share& kept = {});

  // Puts what waits in the other one behind what waits here.
  void append(ShardRows& other);

  // Something of this shard, due or begun then, is not kept, because the backlog is full: a reading, or
  // ground truth. What is written from now on lies behind a gap.
  void lose_reading(Timestamp due) { lose(due, 1); }
  void lose_truth(Timestamp at) { lose(at, 0); }

  // All rows, for this attempt. Valid until the next change.
  [[nodiscard]] Lot lot(std::uint64_t attempt = 1) const;

  // An attempt has offered everything, and failed.
  void keep_offered() { offered_ = share(); }

  // All rows have been taken, or given up.
  void settle();

 private:
  void lose(Timestamp at, std::uint64_t readings);

  batch::Rows readings_;
  std::vector<batch::AnomalyEvent> events_;
  std::vector<batch::FleetEvent> fleet_events_;
  std::vector<batch::Delivery> deliveries_;
  std::uint64_t number_ = 0;
  Share offered_;
  std::optional<Loss> lost_;
  SteadyTime since_{};
};

}  // namespace fleet_sim::write
