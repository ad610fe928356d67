// What waits of the readings of a cohort's sensors: late ones, with their values, and those of sensors that
// are held, without: a hold remembers its sensor as it was, and reads again from there. So a hold takes as
// much memory after a second as after a month, but for each change to its sensor. The sensor itself goes on
// meanwhile, as if nothing were held.
//
// Only sensors of which something waits, or whose rows arrive in a way of their own, take memory, which is
// kept for others after them. Belongs to a cohort, and is touched by the thread that ticks it; no clock, no
// files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "base/timestamp.h"
#include "batch/reading.h"
#include "delivery/fate.h"
#include "fleet/added.h"
#include "model/sensor.h"
#include "scenario/entry.h"

namespace fleet_sim::fleet {

struct LateReading {
  Timestamp arrives_at;
  // None: an earlier process of the run has delivered it, and it only keeps others from being late until
  // then.
  std::optional<batch::Reading> reading;
  bool is_duplicated = false;
};

// Readings that a sensor has not delivered, in order.
class Hold {
 public:
  // Readings in a row, through which nothing but time has changed the sensor.
  struct Span {
    std::uint64_t next;        // number of the first one that has not been read again, and …
    std::uint64_t readings;    // … how many such there are
    model::Sensor sensor;      // as it was before that one
    const delivery::How* how;  // they arrive
    std::uint16_t overlay;
    Then then;  // what a scenario has done to it
  };

  // `due` is when the earliest reading that waits was due, be it a late one.
  Hold(std::uint64_t first, Timestamp due, std::uint64_t drain) : first_(first), due_(due), drain_(drain) {}

  // Reading `number` waits as well: its sensor was `before` it was read, and is now `after`.
  void add(std::uint64_t number, const model::Sensor& before, const model::Sensor& after,
           const delivery::How& how, std::uint16_t overlay, const Then& then);

  // The span of the reading that is to be delivered first; null when none is left.
  [[nodiscard]] Span* front() { return taken_ < spans_.size() ? &spans_[taken_] : nullptr; }
  // It has been read again.
  void take_front();

  [[nodiscard]] std::uint64_t first() const { return first_; }
  [[nodiscard]] Timestamp due() const { return due_; }
  [[nodiscard]] std::uint64_t drain() const { return drain_; }
  [[nodiscard]] std::uint64_t readings() const { return readings_; }

  bool is_noted = false;  // in a batch

 private:
  // What others than its readings may change of a sensor. A span ends where this is not as the last reading
  // left it.
  struct State {
    std::uint32_t identity;
    bool is_anomalous;
    const model::Profile* profile;
    const model::SharedKeys* shared;
    Timestamp anomaly_begins;
    Timestamp anomaly_ends;

    bool operator==(const State&) const = default;
  };
  static State state_of(const model::Sensor& sensor) {
    const model::Anomaly& anomaly = sensor.anomaly;
    return {sensor.identity, anomaly.active(),   sensor.profile,
            sensor.shared,   anomaly.started_at, anomaly.ended_at};
  }

  std::uint64_t first_;
  Timestamp due_;
  std::uint64_t drain_;
  std::uint64_t readings_ = 0;  // so far
  std::vector<Span> spans_;
  std::size_t taken_ = 0;  // of these
  State left_{};           // of the sensor, behind the last one
};

struct OfSensor {
  explicit OfSensor(std::uint64_t whose) : key(whose) {}

  static constexpr std::size_t most_late = 2;

  [[nodiscard]] bool may_be_late() const { return late.size() < most_late; }
  [[nodiscard]] bool is_held() const { return how != nullptr && how->hold; }
  [[nodiscard]] bool is_empty() const { return late.empty() && !hold && how == nullptr; }
  // From when on anything of it may arrive or be held, if its rows arrive as usual until then.
  [[nodiscard]] Timestamp quiet_until() const;
  // When the earliest late one was due, or `at`.
  [[nodiscard]] Timestamp earliest_due(Timestamp at) const;
  // The late one that arrives first, if that is by `slot`.
  std::optional<LateReading> take_late(Timestamp slot);

  std::uint64_t key;  // of the sensor
  std::vector<LateReading> late;
  std::unique_ptr<Hold> hold;          // from its first slot on until the last reading has been delivered
  const delivery::How* how = nullptr;  // at present, if not as usual …
  Timestamp until = latest_timestamp;  // … which ends then
};

class Waiting {
 public:
  explicit Waiting(const scenario::Delivery& usual) : usual_(usual), as_usual_(usual) {}

  [[nodiscard]] const delivery::How& usual() const { return as_usual_; }

  // Of the sensor at this place in the cohort; null when nothing is known of it.
  [[nodiscard]] OfSensor* find(std::size_t place) const { return sensors_[place].get(); }
  OfSensor& of(std::size_t place, std::uint64_t key);
  void forget_if_empty(std::size_t place) {
    if (sensors_[place] && sensors_[place]->is_empty()) forget(place);
  }
  // The sensor leaves: what waits of it will never arrive.
  void forget(std::size_t place);
  // Its rows go to another file: the same, but rows arrive as before.
  void forget_rows(std::size_t place);

  // A way to arrive that stays where it is: as `said`, and where that says nothing, as usual.
  const delivery::How& intern(const scenario::Deliver& said);

  [[nodiscard]] bool holds_any() const;

  // The cohort has these sensors now, in this order.
  void seat(const std::vector<model::Sensor>& sensors);

  // How many held readings the slot that has begun may still deliver; none: no slot has begun.
  std::optional<std::uint64_t> left_in_slot;

 private:
  scenario::Delivery usual_;
  delivery::How as_usual_;
  std::deque<delivery::How> hows_;                  // few: one for each entry of a scenario
  std::vector<std::unique_ptr<OfSensor>> sensors_;  // by place; null: nothing is known
  std::vector<std::unique_ptr<OfSensor>> spare_;    // have memory for those that will be late
};

}  // namespace fleet_sim::fleet
