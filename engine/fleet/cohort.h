// A cohort: up to 1,024 sensors of one cadence and one writer, in the order of their phases, ticked together.
// It keeps one cursor instead of a due time per sensor, because sensors of one cadence take turns in the same
// order forever. Touched by one thread at a time; no clock, no files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/cadence.h"
#include "base/timestamp.h"
#include "batch/batch.h"
#include "fleet/past_anomaly.h"
#include "model/sensor.h"

namespace fleet_sim::fleet {

// What a tick came to; with the readings in the batch: due = readings + missing + skipped.
struct Tally {
  std::uint64_t due = 0;
  std::uint64_t skipped = 0;
  std::uint64_t missing = 0;
  PerAnomalyType<std::uint64_t> anomalies{};  // begun

  Tally& operator+=(const Tally& other);
};

struct Fate;
struct FleetChange;
struct Joiner;

class Cohort {
 public:
  static constexpr std::size_t most_sensors = 1'024;

  // `sensors` are sorted by phase and not empty. They enter the steady state here.
  Cohort(std::vector<model::Sensor> sensors, Cadence cadence, Timestamp start, std::uint64_t seed,
         std::uint32_t writer);

  // Without sensors, for those that are to join.
  Cohort(Cadence cadence, Timestamp start, std::uint64_t seed, std::uint32_t writer);

  // The writer that owns the shards of these sensors.
  [[nodiscard]] std::uint32_t writer() const { return writer_; }
  [[nodiscard]] std::size_t size() const { return sensors_.size(); }
  [[nodiscard]] std::uint64_t seed() const { return seed_; }
  [[nodiscard]] std::size_t room() const { return most_sensors - size(); }
  [[nodiscard]] const Cadence& cadence() const { return cadence_; }
  [[nodiscard]] double readings_per_second() const;
  [[nodiscard]] Timestamp next_due() const { return cycle_start_ + sensors_[position_].phase; }

  // Takes the readings due before `until`, in the order they are due, and appends them to the batch until
  // none is left or the batch is full. Before them come the events that the cohort owes.
  Tally tick(Timestamp until, batch::Batch& batch);

  // The same without the readings: sensors continue as if they had been taken, so that later ones are
  // what they would have been, and the events of anomalies are owed. It stops short of `until` once a batch
  // could not hold more; true when it came to the end.
  bool skip(Timestamp until, Tally& tally);

  // Moves owed events to the batch as long as it has room; true when none is owed anymore.
  bool settle_owed(batch::Batch& batch);

  // The present state of every anomaly that has shown and has not ended: the last word when a run stops.
  [[nodiscard]] std::vector<batch::AnomalyEvent> open_anomalies() const;

  // A sensor as it is before its next reading; null when it is not of this cohort.
  struct Found {
    model::Sensor* sensor = nullptr;
    Timestamp next_due = 0;
  };
  [[nodiscard]] Found find(std::uint64_t key);

  // The sensors that are due at next_due().
  [[nodiscard]] std::span<model::Sensor> due_next();

  // Puts off those of them that come too late, by their identities, to the microsecond after, where the run
  // has ended: with the anomalies they are in, and as if they had never been due before.
  void put_off(const std::function<bool(std::uint32_t)>& is_late);

  // Passes over every reading due before `moment`, which an earlier process has taken. `past` has the last
  // anomaly that each sensor began before it, if any, `lives` the history of the sensors that have
  // changed since the run began. Once, before the first tick.
  void resume_at(Timestamp moment, const PastAnomalies& past, const Lives& lives = {});

  // Carries out what `change` says of these sensors at `moment`, before which every reading has been taken:
  // some become another, some leave, and what becomes of their anomalies it notes in `change`. Returns how
  // many readings were due of those that left, by arithmetic alone. May leave the cohort empty.
  std::uint64_t apply(FleetChange& change, Timestamp moment);

  // Takes sensors in, at most as many as there is room for, whose first reading here is the first one due at
  // `moment` or later. Returns how many readings would have been due of them until then.
  std::uint64_t join(std::span<Joiner> joiners, Timestamp moment);

  // How many readings are due before `until`, by arithmetic alone.
  [[nodiscard]] std::uint64_t due_before(Timestamp until) const;

 private:
  model::Sample take_next();
  void note_events(const model::Sample& taken, std::vector<batch::AnomalyEvent>& events, Tally& tally) const;
  void note_event(const model::Sample& taken, std::vector<batch::AnomalyEvent>& events, Tally& tally) const;
  void advance();
  void pass_to(Timestamp moment);
  void change_anomaly(std::size_t i, const Fate& fate, FleetChange& change, Timestamp moment);
  void change_ages(std::size_t i, const Fate& fate, FleetChange& change, Timestamp moment);
  [[nodiscard]] Timestamp next_due_after(const FleetChange& change, const Fate& fate, std::size_t i,
                                         Timestamp moment) const;
  void note(const model::Sensor& sensor, batch::AnomalyEvent::Kind kind, Timestamp ended_at,
            FleetChange& change) const;
  [[nodiscard]] bool is_open(std::size_t index) const;
  [[nodiscard]] model::Anomaly anomaly_at(Timestamp moment, const model::Sensor& sensor,
                                          const PastAnomaly* past, const Life* life) const;
  [[nodiscard]] std::uint64_t due_before(Timestamp until, const model::Sensor& sensor) const;
  [[nodiscard]] std::size_t position_at(Timestamp moment, Timestamp cycle_start) const;
  [[nodiscard]] Timestamp next_due_of(std::size_t i) const {
    return (i < position_ ? next_cycle_start_ : cycle_start_) + sensors_[i].phase;
  }

  void make_room();
  void forget_knots();
  void settle_ages();
  [[nodiscard]] sources::KnotWords knots_of(std::size_t i);
  [[nodiscard]] std::span<model::AgingState> ages_of(const model::Sensor& sensor);
  [[nodiscard]] std::span<const model::AgingState> ages_of(const model::Sensor& sensor) const;
  [[nodiscard]] batch::AnomalyEvent describe_aging(const model::Sensor& sensor, std::size_t aging,
                                                   batch::AnomalyEvent::Kind kind) const;
  void restore_ages(Timestamp moment, std::size_t i, const Life* life);

  std::vector<model::Sensor> sensors_;
  std::vector<std::uint32_t> knots_;     // of the signals that have any: knot_words_ of each sensor
  std::size_t knot_words_ = 0;           // as many as any of them has
  std::vector<model::AgingState> ages_;  // of the sensors that have agings, each from Sensor::ages on
  bool remembers_ = false;               // any of these
  Cadence cadence_;
  Timestamp start_;   // of the run, and …
  Timestamp origin_;  // … from where the periods count
  std::uint64_t seed_;
  std::uint32_t writer_;

  std::uint64_t cycle_ = 0;  // how many periods have passed
  Timestamp cycle_start_;    // start of this cycle, and of the next
  Timestamp next_cycle_start_;
  std::size_t position_ = 0;  // the sensor that is due next
  std::vector<batch::AnomalyEvent>
      owed_;  // of skipped readings; at most a batch's worth and those of one more
};

}  // namespace fleet_sim::fleet
