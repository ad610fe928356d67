// A lot: the rows of one shard as they are offered to its destination, which takes all of them or none.
//
// A lot keeps its number until it has been taken. A later attempt offers the same rows in the same places,
// followed by those that have come since; so a destination whose last answer was lost can tell from `number`
// and `offered` what it may have stored already. Only a backlog that overflows takes rows away, from the end;
// so a destination compares whatever it is unsure of with `offered` at every attempt. A view of somebody
// else's rows, valid while the destination has not answered.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/ledger.h"
#include "base/timestamp.h"
#include "batch/reading.h"
#include "batch/rows.h"

namespace fleet_sim::write {

// A number of rows, by kind.
struct Share {
  std::size_t readings = 0;
  std::size_t events = 0;
  std::size_t fleet_events = 0;
  std::size_t deliveries = 0;

  [[nodiscard]] std::size_t rows() const { return readings + truth(); }
  // Of what is said about readings.
  [[nodiscard]] std::size_t truth() const { return events + fleet_events + deliveries; }
  // Of each kind as many as here, but no more than there.
  [[nodiscard]] Share within(const Share& most) const {
    return {std::min(readings, most.readings), std::min(events, most.events),
            std::min(fleet_events, most.fleet_events), std::min(deliveries, most.deliveries)};
  }
  [[nodiscard]] Share with(const Share& more) const {
    return {readings + more.readings, events + more.events, fleet_events + more.fleet_events,
            deliveries + more.deliveries};
  }
  // What is left of them without those that are a part of them.
  [[nodiscard]] Share without(const Share& part) const {
    return {readings - part.readings, events - part.events, fleet_events - part.fleet_events,
            deliveries - part.deliveries};
  }
  bool operator==(const Share&) const = default;
};

// How far a lot has come that has not been taken whole: the first rows of each kind have been taken or were
// rejected, and those behind them were sent and have not been answered.
struct PartTaken {
  Share taken;
  Share rejected;  // of these
  Share unanswered;
};

struct Lot {
  const batch::Rows& readings;
  std::span<const batch::AnomalyEvent> events = {};
  std::uint64_t number = 0;          // how many lots of this shard were settled before
  std::uint64_t attempt = 0;         // at any lot of this shard: 1, 2, …
  Share offered = {};                // the first rows, which an earlier attempt at this lot has offered
  std::optional<Loss> lost = {};     // since the lot before, and in no lot
  std::optional<Loss> skipped = {};  // so far, in all lots
  bool is_at_end = false;            // the run ends: it is not to be kept for somebody else's sake
  bool is_stopping = false;          // the run was told to: nobody waits for somebody else who may never come
  std::span<const batch::FleetEvent> fleet_events = {};
  std::span<const batch::Delivery> deliveries = {};  // ground truth, for a sink that keeps it
  bool is_last = false;  // the shard gets nothing after it; only then may a lot be empty

  [[nodiscard]] bool empty() const { return share().rows() == 0; }
  [[nodiscard]] Share share() const {
    return {readings.size(), events.size(), fleet_events.size(), deliveries.size()};
  }
};

}  // namespace fleet_sim::write
