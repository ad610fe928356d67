// How the parts of a sensor wear out: the agings of its type (types/signal_declaration.h), ready to be
// computed. Of each, time is cut into service intervals, at other moments for each sensor. From an onset in
// the first tenth of an interval on, the part wears for as long as its life; then it has failed, until the
// interval ends. While it wears, its channels depart by
//
//   g = (e^(4x) - 1) / (e^4 - 1), x = (t - onset) / life
//
// of what they will have changed by at the failure: the logarithm of it on a logarithmic scale, where levels
// are logarithms. After it, they stay there, or the sensor is silent.
//
// Intervals are a pure function of the run's seed, the sensor's key, the aging's name and the moment: other
// agings of the type change nothing about them. Values made while starting and reloading; immutable
// afterwards; any thread. Nothing here allocates later, or fails.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/timestamp.h"
#include "batch/reading.h"
#include "model/duration.h"
#include "types/signal_declaration.h"

namespace fleet_sim::model {

// Of a part that has only been replaced in its turn.
inline constexpr Timestamp never_serviced = earliest_timestamp;

// Where a moment lies in the life of a part.
struct ServiceInterval {
  Timestamp begins = latest_timestamp;  // no moment lies in one that has not been looked up
  Timestamp onset = 0;
  Timestamp fails_at = 0;
  Timestamp ends = earliest_timestamp;  // exclusive

  [[nodiscard]] bool contains(Timestamp at) const { return at >= begins && at < ends; }
  [[nodiscard]] bool has_failed(Timestamp at) const { return at >= fails_at && at < ends; }
  bool operator==(const ServiceInterval&) const = default;
};

// What is remembered of one aging of a sensor between its readings.
struct AgingState {
  ServiceInterval interval;
  std::uint32_t readings = 0;  // of this run due since the onset, up to the last one taken
  std::optional<batch::AnomalyEvent::Kind> event;  // what the last reading taken was to it

  // Whether it has been reported, and has readings to come.
  [[nodiscard]] bool is_open(Timestamp next_due) const { return readings > 0 && next_due < interval.ends; }
};

class Agings {
 public:
  explicit Agings(const types::SignalDeclaration& declaration);

  [[nodiscard]] std::size_t size() const { return agings_.size(); }
  [[nodiscard]] const std::vector<types::Aging>& declared() const { return declared_; }

  // The interval of one of them, or of each, that a moment lies in. From a moment on at which the part was
  // replaced out of turn, intervals count from there.
  [[nodiscard]] ServiceInterval interval(std::size_t aging, std::uint64_t seed, std::uint64_t key,
                                         Timestamp at, Timestamp serviced = never_serviced) const;
  using Intervals = std::array<ServiceInterval, types::most_agings>;
  [[nodiscard]] Intervals intervals(std::uint64_t seed, std::uint64_t key, Timestamp at,
                                    std::span<const Timestamp> serviced = {}) const;

  // Whether any part has failed, and whether the sensor is silent for it.
  [[nodiscard]] bool has_failed(const Intervals& intervals, Timestamp at) const;
  [[nodiscard]] bool is_silent(const Intervals& intervals, Timestamp at) const;

  // How long until a part fails; 0 when one has.
  [[nodiscard]] Microseconds time_to_failure(const Intervals& intervals, Timestamp at) const;

  // Adds what has worn off by then to the levels of the channels.
  void wear(const Intervals& intervals, Timestamp at, std::span<double> levels) const;

  // For each channel that is stuck at a moment, since when: since the first of the failures that hold it. As
  // many as there are levels; none: it is not stuck.
  using Since = std::array<std::optional<Timestamp>, types::most_channels>;
  [[nodiscard]] Since stuck_since(const Intervals& intervals, Timestamp at) const;

 private:
  struct Part {
    std::uint64_t name;  // a hash
    Microseconds every;
    Duration life;
    bool is_silent;                 // once it has failed
    std::vector<types::Wear> wear;  // of levels
  };

  std::vector<types::Aging> declared_;
  std::vector<Part> agings_;
};

// Takes note of a reading, whatever comes of it: moves on to the interval that it lies in, counts it from the
// onset on, and says in `event` whether it is the first or the last of its interval.
void note_reading(AgingState& state, const Agings& agings, std::size_t aging, std::uint64_t seed,
                  std::uint64_t key, Timestamp at, Timestamp next, Timestamp serviced = never_serviced);

// An aging that has been reported, as a row of ground truth. `name` is its name in the Roster.
batch::AnomalyEvent describe_aging(const AgingState& state, const types::Aging& aging, std::uint32_t name,
                                   batch::AnomalyEvent::Kind kind, std::uint32_t sensor);

}  // namespace fleet_sim::model
