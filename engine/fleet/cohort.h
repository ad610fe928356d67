// A cohort: up to 1,024 sensors of one cadence and one writer, in the order of their phases, ticked together.
// It keeps one cursor instead of a due time per sensor, because sensors of one cadence take turns in the same
// order forever. Touched by one thread at a time; no clock, no files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/cadence.h"
#include "base/ledger.h"
#include "base/timestamp.h"
#include "batch/batch.h"
#include "fleet/past_anomaly.h"
#include "fleet/profile_table.h"
#include "fleet/sensor_state.h"
#include "fleet/waiting.h"
#include "model/sensor.h"
#include "timeline/timeline.h"

namespace fleet_sim::delivery {
struct Fate;
struct How;
}  // namespace fleet_sim::delivery

namespace fleet_sim::fleet {

// What a tick came to; with the readings in the batch: due + duplicates = readings + missing + skipped +
// silent + dropped + undelivered.
struct Tally {
  std::uint64_t due = 0;
  std::uint64_t skipped = 0;
  std::uint64_t missing = 0;
  PerAnomalyType<std::uint64_t> anomalies{};  // begun
  std::uint64_t silent = 0;  // a scenario has it that the sensor says nothing, or is not there
  std::uint64_t dropped = 0;
  std::uint64_t duplicates = 0;
  std::int64_t undelivered = 0;               // that wait from now on, less those that waited before
  PerFirmware<FirmwareCounts> by_firmware{};  // of those that were neither skipped nor silent

  // Readings that sensors with this profile have taken, and …
  void note_taken(const model::Profile& profile, std::uint64_t readings) {
    FirmwareCounts& firmware = by_firmware[profile.firmware];
    firmware.readings += readings;
    firmware.expected += static_cast<double>(readings) * profile.steady_until.back();
  }
  // … one of them that is in an anomaly.
  void note_anomalous(const model::Sensor& sensor, AnomalyType type) {
    FirmwareCounts& firmware = by_firmware[sensor.profile->firmware];
    ++firmware.anomalous;
    // What wears off has nothing to do with the anomaly that the sensor was in last.
    if (type != AnomalyType::aging && is_requested(sensor.anomaly.cause)) ++firmware.injected;
  }
  void note_taken(const model::Sensor& sensor, const model::Sample& taken) {
    note_taken(*sensor.profile, 1);
    if (taken.anomaly) [[unlikely]]
      note_anomalous(sensor, *taken.anomaly);
  }

  Tally& operator+=(const Tally& other);
};

struct Fate;
struct FleetChange;
struct Joiner;
class Story;
struct StoryOf;
struct PastStory;
using PastStories = std::unordered_map<std::uint64_t, PastStory>;

class Cohort {
 public:
  static constexpr std::size_t most_sensors = 1'024;

  // `sensors` are sorted by phase and not empty. They enter the steady state here.
  Cohort(std::vector<model::Sensor> sensors, Cadence cadence, Timestamp start, std::uint64_t seed,
         std::uint32_t writer);

  // Without sensors, for those that are to join.
  Cohort(Cadence cadence, Timestamp start, std::uint64_t seed, std::uint32_t writer);

  // Lives through a scenario from its start on. Once, before anything else.
  void follow(const StoryOf& story);
  // The same at `moment`, before which everything has happened, with what has become of the sensors.
  void follow(const StoryOf& story, Timestamp moment, const PastStories& stories);

  // The writer that owns the shards of these sensors.
  [[nodiscard]] std::uint32_t writer() const { return writer_; }
  [[nodiscard]] std::size_t size() const { return sensors_.size(); }
  [[nodiscard]] std::uint64_t seed() const { return seed_; }
  [[nodiscard]] std::size_t room() const { return most_sensors - size(); }
  [[nodiscard]] const Cadence& cadence() const { return cadence_; }
  [[nodiscard]] double readings_per_second() const;
  [[nodiscard]] Timestamp next_due() const { return cycle_start_ + sensors_[position_].phase; }

  // From the start of the run on, rows arrive like this (engine/delivery): each reading has a slot, when it
  // is due, and what waits of its sensor arrives in slots too.
  void deliver(const scenario::Delivery& usual);
  // From its next slot on, and before `until`, the rows of the sensor arrive as `how` says in place of the
  // usual. Nothing where delivery is off, or the sensor is not of this cohort.
  void deliver(std::uint64_t key, const scenario::Deliver& how, Timestamp until);
  // A reading that an earlier process delivers at that time was late.
  void take_seat(std::uint64_t key, Timestamp arrives_at);

  // Takes the readings due before `until`, in the order they are due, and appends them to the batch until
  // none is left or the batch is full. Before them come the events that the cohort owes. What a scenario has
  // in store happens before the first reading that is due then or later.
  Tally tick(Timestamp until, batch::Batch& batch);

  // The same without the readings: sensors continue as if they had been taken, so that later ones are
  // what they would have been, and the events of anomalies are owed. It stops short of `until` once a batch
  // could not hold more; true when it came to the end.
  bool skip(Timestamp until, Tally& tally);

  // Moves owed events to the batch as long as it has room; true when none is owed anymore.
  bool settle_owed(batch::Batch& batch);

  // What a scenario has in store before `until` happens now, when every reading due before has been taken,
  // as long as the batch has room. True when all of it has happened.
  bool carry_out(Timestamp until, batch::Batch& batch);

  // The present state of every anomaly that has shown and has not ended: the last word when a run stops.
  [[nodiscard]] std::vector<batch::AnomalyEvent> open_anomalies() const;

  // A sensor as it is before its next reading; null when it is not of this cohort.
  struct Found {
    model::Sensor* sensor = nullptr;
    Timestamp next_due = 0;
    bool is_there = true;           // no scenario has it join later, or has let it leave
    model::Circumstances now = {};  // valid until the cohort is asked for another
  };
  [[nodiscard]] Found find(std::uint64_t key);
  // What a scenario has made of it.
  [[nodiscard]] Touched touched(const Found& found) const;

  // Adds the sensors that are there to those with their firmware.
  void count_sensors(PerFirmware<std::uint64_t>& with) const;

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
  // many readings were due of those that left, by arithmetic alone. May leave the cohort empty. Sensors go
  // through `story` from then on; what a scenario has made of those that rejoin is added to `pasts`.
  std::uint64_t apply(FleetChange& change, Timestamp moment, const StoryOf& story, PastStories& pasts);

  // Takes sensors in, at most as many as there is room for, whose first reading here is the first one due at
  // `moment` or later. Returns how many readings would have been due of them until then.
  std::uint64_t join(std::span<Joiner> joiners, Timestamp moment, const StoryOf& story,
                     const PastStories& pasts);

  // How many readings are due before `until`, by arithmetic alone.
  [[nodiscard]] std::uint64_t due_before(Timestamp until) const;

  // Whether a hold reads again from what sensors were before.
  [[nodiscard]] bool holds_any() const { return waiting_ && waiting_->holds_any(); }

 private:
  model::Sample take_next();
  model::Sample pass_next();  // without its values
  // Apart, so that what most fleets do costs nothing for it.
  [[gnu::noinline]] model::Sample take_next_as_it_is(model::Sensor& sensor, const model::Due& due);
  void count_taken(std::size_t first, Tally& tally) const;
  struct Events {
    std::vector<batch::AnomalyEvent>& anomalies;
    std::vector<batch::FleetEvent>& fleet;
  };
  bool carry_out(Timestamp until, const Events& events);
  void happen(const timeline::Moment& moment, const Events& events);
  void become(std::size_t i, Timestamp moment, std::vector<batch::AnomalyEvent>& events);
  void leave(std::size_t i, Timestamp moment, std::vector<batch::AnomalyEvent>& events);
  void join(std::size_t i);
  void reset(std::size_t i, const scenario::Reset& what, Timestamp moment,
             std::vector<batch::AnomalyEvent>& events);
  void begin_fault(std::size_t i, const scenario::Fault& what, const timeline::Moment& moment,
                   std::vector<batch::AnomalyEvent>& events);
  [[nodiscard]] model::Circumstances now_of(std::size_t i, Timestamp at);
  [[gnu::noinline]] Tally tick_slots(Timestamp until, batch::Batch& batch);
  bool serve_slot(batch::Batch& batch, Tally& tally);
  void take_what_is_late(batch::Batch& batch, Tally& tally);
  void serve_quiet_slots(Timestamp until, batch::Batch& batch, Tally& tally);
  [[nodiscard]] Timestamp quiet_until(std::size_t i) const;
  [[nodiscard]] bool is_quiet() const { return next_due() < quiet_until_[position_]; }
  [[nodiscard]] OfSensor* waiting_of(std::size_t i) const;
  void hand_over(const model::Sample& taken, const OfSensor* waits, batch::Batch& batch, Tally& tally);
  bool skip_slots(Timestamp until, Tally& tally);
  void skip_slot(Tally& tally);
  struct DueReading {
    const model::Sensor& sensor;  // whose it is, as it is then
    const model::Sample& taken;
    Timestamp due;
    std::uint64_t number;
    std::uint16_t overlay;
  };
  enum class Values : bool { left_out, read };
  bool read(Values values, model::Sample& taken, std::vector<batch::AnomalyEvent>& events, Tally& tally);
  void deliver_by_story(Timestamp moment);
  void begin_hold(OfSensor& waits) const;
  void hold_back(OfSensor& waits, const model::Sensor& before, const model::Sample& taken, Tally& tally);
  void note_hold(Hold& hold, batch::Batch& batch) const;
  bool drain(OfSensor& waits, batch::Batch& batch, Tally& tally);
  void expire(OfSensor& waits);
  void deliver_late(OfSensor& waits, batch::Batch& batch, Tally& tally) const;
  [[nodiscard]] std::uint16_t overlay() const;
  [[nodiscard]] const delivery::How& how_of(const OfSensor* waits) const;
  bool deliver_reading(const DueReading& reading, Timestamp arrives_at, const delivery::How& how,
                       batch::Batch& batch, Tally& tally);
  // Apart, because few readings come here.
  [[gnu::noinline]] void disturb(const delivery::Fate& fate, const batch::Row& row, batch::Batch& batch,
                                 Tally& tally);
  bool is_late(const delivery::Fate& fate, const batch::Row& row, batch::Batch& batch, Tally& tally);
  static void push_row(const batch::Row& row, bool is_duplicated, batch::Batch& batch, Tally& tally);
  [[nodiscard]] Timestamp due_of(const model::Sensor& sensor, std::uint64_t number) const {
    return origin_ + sensor.phase + cadence_.offset(number - 1);
  }
  bool note_events(const model::Sample& taken, std::vector<batch::AnomalyEvent>& events, Tally& tally) const;
  bool note_event(const model::Sample& taken, std::vector<batch::AnomalyEvent>& events, Tally& tally) const;
  void advance();
  void pass_to(Timestamp moment);
  [[nodiscard]] ProfileTable::Entry become_of(std::size_t i, const Fate& fate,
                                              const FleetChange& change) const;
  [[nodiscard]] bool loses_any(const FleetChange& change) const;
  [[nodiscard]] PastStories past_stories(const StoryOf& next) const;
  void go_on(const StoryOf& story, Timestamp moment, const PastStories& pasts);
  [[nodiscard]] std::vector<std::uint32_t> members() const;
  struct Turn {
    bool may_continue;   // what the sensor is in the middle of
    Timestamp next_due;  // of its readings from then on
    Timestamp moment;
  };
  void change_anomaly(std::size_t i, const Turn& turn, std::vector<batch::AnomalyEvent>& events);
  void change_ages(std::size_t i, const Turn& turn, std::vector<batch::AnomalyEvent>& events);
  void change_age(std::size_t i, std::size_t aging, const Turn& turn,
                  std::vector<batch::AnomalyEvent>& events);
  [[nodiscard]] batch::AnomalyEvent describe(std::size_t i, batch::AnomalyEvent::Kind kind) const;
  [[nodiscard]] Timestamp next_due_after(const FleetChange& change, const Fate& fate, std::size_t i,
                                         Timestamp moment) const;
  [[nodiscard]] bool is_open(std::size_t index) const;
  [[nodiscard]] model::Anomaly anomaly_at(Timestamp moment, const model::Sensor& sensor,
                                          const PastAnomaly* past, const Life* life) const;
  [[nodiscard]] std::uint64_t due_before(Timestamp until, const model::Sensor& sensor) const;
  [[nodiscard]] std::size_t position_at(Timestamp moment, Timestamp cycle_start) const;
  [[nodiscard]] Timestamp next_due_of(std::size_t i) const {
    return (i < position_ ? next_cycle_start_ : cycle_start_) + sensors_[i].phase;
  }
  [[nodiscard]] std::optional<std::size_t> place_of(std::uint64_t key) const;

  void make_room();
  void sort_by_profile();
  void forget_knots();
  void forget_knots(std::size_t i);
  void settle_ages();
  [[nodiscard]] sources::KnotWords knots_of(std::size_t i);
  [[nodiscard]] std::span<model::AgingState> ages_of(const model::Sensor& sensor);
  [[nodiscard]] std::span<const model::AgingState> ages_of(const model::Sensor& sensor) const;
  [[nodiscard]] batch::AnomalyEvent describe_aging(const model::Sensor& sensor, std::size_t aging,
                                                   batch::AnomalyEvent::Kind kind) const;
  void restore_ages(Timestamp moment, std::size_t i, const Life* life);

  std::vector<model::Sensor> sensors_;
  // The profiles that they have, and how many of them have it; and by sensor, which of these. Each has few,
  // so readings that all sensors take in turn are counted by arithmetic.
  std::vector<std::pair<const model::Profile*, std::uint64_t>> profiles_;
  std::vector<std::uint16_t> profile_of_;
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
  std::vector<batch::FleetEvent> owed_fleet_;
  std::shared_ptr<Story> story_;  // none: there is no scenario. Where there is one, nobody copies a cohort
  std::shared_ptr<Waiting> waiting_;  // none: delivery is off; likewise
  // By sensor, where there is either: until when no more happens in its slots than that it is read and handed
  // over. The first one then or later finds out again.
  std::vector<Timestamp> quiet_until_;
};

}  // namespace fleet_sim::fleet
