#include "write/shard_rows.h"

#include <algorithm>
#include <utility>

namespace fleet_sim::write {

void ShardRows::stage(const batch::Row& reading, SteadyTime now) {
  if (empty()) since_ = now;
  readings_.push_back(reading);
}

void ShardRows::stage(const batch::AnomalyEvent& event, SteadyTime now) {
  if (empty()) since_ = now;
  events_.push_back(event);
}

void ShardRows::stage(const batch::FleetEvent& event, SteadyTime now) {
  if (empty()) since_ = now;
  fleet_events_.push_back(event);
}

void ShardRows::stage(const batch::Delivery& delivery, SteadyTime now) {
  if (empty()) since_ = now;
  deliveries_.push_back(delivery);
}

Share ShardRows::forget_newest(std::size_t count, const Share& kept) {
  const Share free = share().without(kept);
  const std::size_t readings = std::min(count, free.readings);
  const std::size_t events = std::min(count - readings, free.events);
  const std::size_t fleet_events = std::min(count - readings - events, free.fleet_events);
  const std::size_t deliveries = std::min(count - readings - events - fleet_events, free.deliveries);
  for (const batch::Rows::Head& reading : readings_.heads().last(readings)) lose_reading(reading.due);
  for (const batch::AnomalyEvent& event : std::span(events_).last(events)) lose_truth(event.started_at);
  for (const batch::FleetEvent& event : std::span(fleet_events_).last(fleet_events))
    lose_truth(event.started_at);
  for (const batch::Delivery& delivery : std::span(deliveries_).last(deliveries)) lose_truth(delivery.due);
  readings_.forget_newest(readings);
  events_.resize(events_.size() - events);
  fleet_events_.resize(fleet_events_.size() - fleet_events);
  deliveries_.resize(deliveries_.size() - deliveries);
  offered_ = offered_.within(share());
  return {readings, events, fleet_events, deliveries};
}

void ShardRows::append(ShardRows& other) {
  if (empty()) since_ = other.since_;
  readings_.append(other.readings_);
  events_.insert(events_.end(), other.events_.begin(), other.events_.end());
  fleet_events_.insert(fleet_events_.end(), other.fleet_events_.begin(), other.fleet_events_.end());
  deliveries_.insert(deliveries_.end(), other.deliveries_.begin(), other.deliveries_.end());
  if (const auto lost = std::exchange(other.lost_, std::nullopt)) {
    lose(lost->since, *lost->rows);
    lose(lost->until, 0);
  }
  other.settle();
}

void ShardRows::lose(Timestamp at, std::uint64_t readings) {
  constexpr auto reason = loss_reason_names[static_cast<std::size_t>(LossReason::backlog_full)];
  if (!lost_) lost_ = {reason, at, at, 0};
  lost_->since = std::min(lost_->since, at);
  lost_->until = std::max(lost_->until, at);
  *lost_->rows += readings;
}

Lot ShardRows::lot(std::uint64_t attempt) const {
  return {.readings = readings_,
          .events = events_,
          .number = number_,
          .attempt = attempt,
          .offered = offered_,
          .lost = lost_,
          .fleet_events = fleet_events_,
          .deliveries = deliveries_};
}

void ShardRows::settle() {
  if (!empty()) lost_.reset();
  // A shard that has gathered much while it failed, or waited for others, gives the memory back.
  const auto give_back = [](auto& rows) {
    constexpr std::size_t worth_keeping = 8'192;
    if (rows.capacity() > std::max(worth_keeping, 2 * rows.size())) rows = {};
  };
  give_back(readings_);
  give_back(events_);
  give_back(fleet_events_);
  give_back(deliveries_);
  readings_.clear();
  events_.clear();
  fleet_events_.clear();
  deliveries_.clear();
  offered_ = {};
  ++number_;
}

}  // namespace fleet_sim::write
