// What a sensor produces: a reading (one row), and what becomes of an anomaly (one row of ground truth,
// written when the anomaly begins to show and completed when it ends). Plain values that travel from the
// model to the shards.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/terms.h"
#include "base/timestamp.h"
#include "batch/values.h"

namespace fleet_sim::batch {

struct Reading;

// How a row arrives where delivery is imperfect.
struct Arrival {
  Timestamp stamp;         // what its `timestamp` says
  Timestamp at;            // when it arrives
  std::uint64_t sequence;  // the number of the sensor's reading among those that were due, from 1 on

  bool operator==(const Arrival&) const = default;
};

// A reading whose values lie elsewhere: in Rows, or in a Reading. Valid as long as these are.
struct Row {
  Timestamp due;
  std::span<const double> values;
  std::uint32_t sensor;  // index into the Roster
  std::optional<AnomalyType> anomaly;
  std::uint16_t overlay = 0;         // what a scenario says of the sensor (identity/overlays.h)
  const Arrival* arrival = nullptr;  // none: when it is due, with everything else

  operator Reading() const;  // NOLINT(google-explicit-constructor): a copy says the same
  [[nodiscard]] Timestamp stamp() const { return arrival != nullptr ? arrival->stamp : due; }
  [[nodiscard]] Timestamp arrives_at() const { return arrival != nullptr ? arrival->at : due; }
};

// A reading by itself.
struct Reading {
  Timestamp due;
  Values values;
  std::uint32_t sensor;  // index into the Roster
  std::optional<AnomalyType> anomaly;
  std::uint16_t overlay = 0;
  std::optional<Arrival> arrival{};

  operator Row() const {  // NOLINT(google-explicit-constructor)
    return {due, values, sensor, anomaly, overlay, arrival ? &*arrival : nullptr};
  }
};

inline Row::operator Reading() const {
  const auto copy = arrival != nullptr ? std::optional(*arrival) : std::nullopt;
  return {due, Values(values), sensor, anomaly, overlay, copy};
}

// One anomaly of one sensor. Both ends belong to it: `timestamp BETWEEN started_at AND ended_at` finds its
// readings.
struct AnomalyEvent {
  // opened: the first affected reading; progressed: a later state of an open event; closed: the last affected
  // reading; whole: first and last at once.
  enum class Kind : std::uint8_t { opened, progressed, closed, whole };

  Timestamp started_at;
  Timestamp ended_at;               // stored only once the event is closed
  std::optional<double> magnitude;  // a factor, change or amplitude; none for types without a size
  std::uint32_t sensor;             // index into the Roster
  std::uint32_t readings_affected;  // by this run, up to now
  AnomalyType type;
  Kind kind;
  std::optional<Channel> channel;  // none when it touches several
  std::int8_t direction;           // 1 up, -1 down, 0 neither
  AnomalyCause cause = AnomalyCause::drawn;
  std::uint32_t scenario = 0;           // text of the Roster: the entry or the aging that caused it; 0: none
  std::optional<double> severity{};     // of a graded one …
  std::optional<double> sigma{};        // … and what it counts in, in the unit of its channel
  std::optional<Timestamp> fails_at{};  // of one that comes with age: when the sensor fails
  Timestamp as_of = latest_timestamp;   // of one that has progressed: the sensor had been read up to here
};

// What an entry of a scenario did to a sensor, as a row of ground truth: one for each time that it reached
// it.
struct FleetEvent {
  enum class Verb : std::uint8_t { set, silence, add, reset, fault, deliver, join, leave };

  Timestamp started_at;
  std::optional<Timestamp> ended_at;      // its last microsecond; none: it does not end
  std::optional<Timestamp> silent_until;  // the same of a silence that comes with it
  std::uint32_t sensor;                   // index into the Roster
  std::uint32_t name;                     // texts of the Roster: of the entry, and of …
  std::uint32_t what;                     // … what its verb says
  Verb verb;
  bool failed;  // the sensor stayed as it was
};
inline constexpr std::array<std::string_view, 8> fleet_verb_names{"set",   "silence", "add",  "reset",
                                                                  "fault", "deliver", "join", "leave"};

constexpr std::string_view name_of(FleetEvent::Verb verb) {
  return fleet_verb_names[static_cast<std::size_t>(verb)];
}

constexpr bool begins(AnomalyEvent::Kind kind) {
  return kind == AnomalyEvent::Kind::opened || kind == AnomalyEvent::Kind::whole;
}
constexpr bool ends(AnomalyEvent::Kind kind) {
  return kind == AnomalyEvent::Kind::closed || kind == AnomalyEvent::Kind::whole;
}

// What delivery has done to a sensor's readings, as ground truth: one row of `deliveries`. A hold has one
// when it begins, and another one, of the same reading, when the last reading that it held has been taken.
struct Delivery {
  enum class Kind : std::uint8_t { drop, late, duplicate, hold, drained };
  static constexpr std::array<std::string_view, 5> kind_names{"drop", "late", "duplicate", "hold", "drained"};

  Timestamp due;                        // of the reading; of a hold, of the earliest one that it holds
  std::optional<Timestamp> arrived_at;  // of a late one, when it is going to; none: never, or not yet
  std::uint64_t sequence;               // of that reading; of a hold, of the first one that was not read
  std::uint64_t readings;               // how many; of a hold, once it has been drained
  std::uint32_t sensor;                 // index into the Roster
  Kind kind;
};

constexpr std::string_view name_of(Delivery::Kind kind) {
  return Delivery::kind_names[static_cast<std::size_t>(kind)];
}

}  // namespace fleet_sim::batch
