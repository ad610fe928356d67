// How a cohort is ticked where a scenario happens to its sensors, or where delivery is on. A sensor's slots
// are the times when its readings are due. A slot takes first what is late and has come, then the reading
// that is due, if the sensor is there and not silent; while the sensor is held nothing, and afterwards some
// of the readings that were held, the oldest first. Most slots of most sensors are quiet, and take little
// more time than in a fleet to which nothing happens.
#include <algorithm>
#include <utility>

#include "delivery/fate.h"
#include "fleet/cohort.h"
#include "fleet/story.h"

namespace fleet_sim::fleet {

using Kind = batch::Delivery::Kind;

void Cohort::deliver(const scenario::Delivery& usual) {
  waiting_ = std::make_shared<Waiting>(usual);
  make_room();
}

void Cohort::deliver(std::uint64_t key, const scenario::Deliver& how, Timestamp until) {
  const std::optional<std::size_t> place = place_of(key);
  if (!place || !waiting_) return;
  OfSensor& waits = waiting_->of(*place, key);
  waits.how = &waiting_->intern(how);
  waits.until = until;
  quiet_until_[*place] = earliest_timestamp;
}

// Those of which the story, if there is one, says so; the others' rows arrive as usual.
void Cohort::deliver_by_story(Timestamp moment) {
  for (std::size_t i = 0; waiting_ && i < sensors_.size(); ++i) {
    const std::uint64_t key = sensors_[i].key;
    if (const OwnDelivery* const own = story_ ? story_->delivery(i, moment) : nullptr) {
      deliver(key, own->how, own->until);
    } else if (OfSensor* const waits = waiting_->find(i)) {
      waits->how = nullptr;
    }
  }
}

// When what was said last has ended, what was said before it may last on.
void Cohort::expire(OfSensor& waits) {
  if (next_due() < waits.until) return;
  const OwnDelivery* const own = story_ ? story_->delivery(position_, next_due()) : nullptr;
  waits.how = own != nullptr ? &waiting_->intern(own->how) : nullptr;
  waits.until = own != nullptr ? own->until : latest_timestamp;
}

void Cohort::take_seat(std::uint64_t key, Timestamp arrives_at) {
  const std::optional<std::size_t> place = place_of(key);
  if (!place || !waiting_) return;
  waiting_->of(*place, key).late.push_back({arrives_at, std::nullopt});
  quiet_until_[*place] = std::min(quiet_until_[*place], arrives_at);
}

Tally Cohort::tick_slots(Timestamp until, batch::Batch& batch) {
  Tally tally;
  settle_owed(batch);
  while (next_due() < until && !batch.full()) {
    if (story_ && story_->next_at() <= next_due() && !carry_out(next_due() + 1, batch)) break;
    if (!is_quiet()) take_what_is_late(batch, tally);
    if (is_quiet()) {
      serve_quiet_slots(until, batch, tally);
      continue;
    }
    if (!serve_slot(batch, tally)) break;
    advance();
  }
  return tally;
}

// One and those behind it that are quiet too: the sensor is heard, and nothing arrives that has waited. Ends
// where anything but a reading has come; the caller then looks whether the batch has room.
[[gnu::flatten]] void Cohort::serve_quiet_slots(Timestamp until, batch::Batch& batch, Tally& tally) {
  const Timestamp end = story_ ? std::min(until, story_->next_at()) : until;
  const bool all_plain = !remembers_ && !(story_ && story_->changes_any());
  const bool all_as_made = !story_ || !story_->says_any();
  const delivery::How* const usual = waiting_ ? &waiting_->usual() : nullptr;
  bool is_alone = false;  // the reading: nothing comes with it
  Timestamp at = next_due();
  do {
    model::Sensor& sensor = sensors_[position_];
    const model::Due due{at, next_cycle_start_ + sensor.phase};
    const bool is_plain = all_plain || (!remembers_ && !story_->changes(position_));
    const auto take = [&] {
      if (is_plain) [[likely]]
        return model::sample(sensor, seed_, due);
      return take_next_as_it_is(sensor, due);
    };
    const model::Sample taken = take();
    ++tally.due;
    is_alone = !note_events(taken, batch.events, tally);
    tally.note_taken(sensor, taken);
    const std::uint16_t overlay = all_as_made ? std::uint16_t{0} : story_->overlay(position_);
    if (taken.missing) [[unlikely]] {
      ++tally.missing;
    } else if (usual != nullptr) [[likely]] {
      if (!deliver_reading({sensor, taken, at, cycle_ + 1, overlay}, at, *usual, batch, tally))
        is_alone = false;
    } else {
      batch.readings.push({at, sensor.identity, taken.anomaly, 0, overlay}, taken.values);
    }
    advance();
    at = next_due();
  } while (is_alone && at < end && at < quiet_until_[position_] &&
           batch.readings.size() < batch::Batch::capacity);
}

// Delivers what is late of a sensor of which nothing else waits. The rest of its slot, and later ones, may be
// quiet then.
void Cohort::take_what_is_late(batch::Batch& batch, Tally& tally) {
  if (OfSensor* const waits = waiting_of(position_)) {
    if (waits->how != nullptr || waits->hold) return;
    deliver_late(*waits, batch, tally);
    waiting_->forget_if_empty(position_);
  }
  quiet_until_[position_] = quiet_until(position_);
}

// From the slot on that it has now.
Timestamp Cohort::quiet_until(std::size_t i) const {
  if (story_ && !story_->is_heard(i, next_due())) return earliest_timestamp;
  const OfSensor* const waits = waiting_of(i);
  return waits != nullptr ? waits->quiet_until() : latest_timestamp;
}

// False when the batch was full before the slot was over.
bool Cohort::serve_slot(batch::Batch& batch, Tally& tally) {
  OfSensor* const waits = waiting_of(position_);
  if (waiting_ && waiting_->left_in_slot) return drain(*waits, batch, tally);
  if (waits != nullptr) expire(*waits);
  const bool is_held = waits != nullptr && waits->is_held();
  if (waits != nullptr && !is_held) deliver_late(*waits, batch, tally);
  const bool waits_first = waits != nullptr && (is_held || waits->hold);
  const auto before = waits_first ? std::optional(sensors_[position_]) : std::nullopt;
  model::Sample taken;
  const bool is_heard = read(waits_first ? Values::left_out : Values::read, taken, batch.events, tally);
  if (!waits_first) {
    if (is_heard && !taken.missing) hand_over(taken, waits, batch, tally);
    if (waits != nullptr) waiting_->forget_if_empty(position_);
    quiet_until_[position_] = quiet_until(position_);
    return true;
  }
  if (is_heard || !waits->late.empty()) begin_hold(*waits);
  if (is_heard) hold_back(*waits, *before, taken, tally);
  if (waits->hold) note_hold(*waits->hold, batch);
  if (is_held) return true;
  waiting_->left_in_slot = waits->hold->drain() + 1;
  return drain(*waits, batch, tally);
}

// Of the sensor; null when nothing is known of it, or delivery is off.
OfSensor* Cohort::waiting_of(std::size_t i) const {
  return waiting_ ? waiting_->find(i) : nullptr;
}

// The slot's reading, which does not have to wait.
void Cohort::hand_over(const model::Sample& taken, const OfSensor* waits, batch::Batch& batch, Tally& tally) {
  const model::Sensor& sensor = sensors_[position_];
  tally.note_taken(sensor, taken);
  if (waiting_) {
    deliver_reading({sensor, taken, next_due(), cycle_ + 1, overlay()}, next_due(), how_of(waits), batch,
                    tally);
  } else {
    batch.readings.push({next_due(), sensor.identity, taken.anomaly, 0, overlay()}, taken.values);
  }
}

// The slot's reading; false of a sensor that is silent or away, which has none.
bool Cohort::read(Values values, model::Sample& taken, std::vector<batch::AnomalyEvent>& events,
                  Tally& tally) {
  ++tally.due;
  if (story_ && !story_->is_there(position_)) {
    ++tally.silent;
    return false;
  }
  taken = values == Values::read ? take_next() : pass_next();
  note_events(taken, events, tally);
  const bool is_silent = story_ && story_->is_silent(position_, next_due());
  if (is_silent) {
    ++tally.silent;
  } else if (taken.missing) {
    ++tally.missing;
    tally.note_taken(sensors_[position_], taken);
  }
  return !is_silent;
}

// With what waits first: the slot's reading, or a late one that would have arrived.
void Cohort::begin_hold(OfSensor& waits) const {
  if (waits.hold) return;
  waits.hold = std::make_unique<Hold>(cycle_ + 1, waits.earliest_due(next_due()), waits.how->drain);
}

// The slot's reading waits, or what would be one.
void Cohort::hold_back(OfSensor& waits, const model::Sensor& before, const model::Sample& taken,
                       Tally& tally) {
  waits.hold->add(cycle_ + 1, before, sensors_[position_], how_of(&waits), overlay(),
                  story_ ? story_->then(position_) : unchanged);
  if (taken.missing) return;
  ++tally.undelivered;
  tally.note_taken(sensors_[position_], taken);
}

void Cohort::note_hold(Hold& hold, batch::Batch& batch) const {
  if (std::exchange(hold.is_noted, true)) return;
  batch.deliveries.push_back(
      {hold.due(), std::nullopt, hold.first(), 0, sensors_[position_].identity, Kind::hold});
}

// Reads again what was held, as much as the slot and the batch have room for.
bool Cohort::drain(OfSensor& waits, batch::Batch& batch, Tally& tally) {
  std::uint64_t& left = *waiting_->left_in_slot;
  for (Hold::Span* span = waits.hold->front(); span != nullptr && left > 0; span = waits.hold->front()) {
    if (batch.full()) return false;
    --left;
    const Timestamp due = due_of(span->sensor, span->next);
    AddedTo sums;
    const model::Circumstances then = span->then.at(due, span->sensor.profile->channels.size(), sums);
    const model::Sample taken =
        model::sample(span->sensor, seed_, {due, due_of(span->sensor, span->next + 1)}, {{}, {}, then});
    if (!taken.missing) {
      --tally.undelivered;
      deliver_reading({span->sensor, taken, due, span->next, span->overlay}, next_due(), *span->how, batch,
                      tally);
    }
    waits.hold->take_front();
  }
  waiting_->left_in_slot.reset();
  if (waits.hold->front() != nullptr) return true;
  const Hold& hold = *waits.hold;
  batch.deliveries.push_back(
      {hold.due(), next_due(), hold.first(), hold.readings(), sensors_[position_].identity, Kind::drained});
  waits.hold.reset();
  waiting_->forget_if_empty(position_);
  return true;
}

std::uint16_t Cohort::overlay() const {
  return story_ ? story_->overlay(position_) : std::uint16_t{0};
}

const delivery::How& Cohort::how_of(const OfSensor* waits) const {
  return waits != nullptr && waits->how != nullptr ? *waits->how : waiting_->usual();
}

// Late readings whose time has come. At most two, so that a batch has room for them.
void Cohort::deliver_late(OfSensor& waits, batch::Batch& batch, Tally& tally) const {
  while (std::optional<LateReading> late = waits.take_late(next_due())) {
    if (!late->reading) continue;
    late->reading->arrival->at = next_due();
    --tally.undelivered;
    push_row(*late->reading, late->is_duplicated, batch, tally);
  }
}

// False if it did not simply arrive.
bool Cohort::deliver_reading(const DueReading& reading, Timestamp arrives_at, const delivery::How& how,
                             batch::Batch& batch, Tally& tally) {
  const auto& [sensor, taken, due, number, overlay] = reading;
  const std::uint64_t draw = delivery::Odds::draw(seed_, sensor.key, due);
  const Timestamp stamp = std::clamp(due + how.odds.jitter(draw), earliest_timestamp, latest_timestamp);
  // Nearly all rows go this way, on which nobody takes the address of an arrival: it stays in registers.
  if (how.odds.arrives_at_once(draw)) [[likely]] {
    batch.readings.push({due, sensor.identity, taken.anomaly, 0, overlay}, taken.values,
                        {stamp, arrives_at, number});
    return true;
  }
  const batch::Arrival arrival{stamp, arrives_at, number};
  const batch::Row row{due, taken.values, sensor.identity, taken.anomaly, overlay, &arrival};
  disturb(how.odds.fate(seed_, sensor.key, due), row, batch, tally);
  return false;
}

void Cohort::disturb(const delivery::Fate& fate, const batch::Row& row, batch::Batch& batch, Tally& tally) {
  if (fate.is_dropped) {
    ++tally.dropped;
    batch.deliveries.push_back({row.due, std::nullopt, row.arrival->sequence, 1, row.sensor, Kind::drop});
  } else if (fate.late == 0 || !is_late(fate, row, batch, tally)) {
    push_row(row, fate.is_duplicated, batch, tally);
  }
}

// A late one arrives in the first slot at its time or after; that may be this one. While two wait, no other
// is late.
bool Cohort::is_late(const delivery::Fate& fate, const batch::Row& row, batch::Batch& batch, Tally& tally) {
  const std::uint64_t key = sensors_[position_].key;
  const Timestamp first = due_of(sensors_[position_], 1);
  const Timestamp arrives_at = first + cadence_.offset(cadence_.count_before(row.due + fate.late - first));
  if (arrives_at <= next_due()) return false;
  OfSensor& waits = waiting_->of(position_, key);
  if (!waits.may_be_late()) return false;
  quiet_until_[position_] = std::min(quiet_until_[position_], arrives_at);
  waits.late.push_back({arrives_at, row, fate.is_duplicated});
  ++tally.undelivered;
  batch.deliveries.push_back({row.due, arrives_at, row.arrival->sequence, 1, row.sensor, Kind::late});
  return true;
}

void Cohort::push_row(const batch::Row& row, bool is_duplicated, batch::Batch& batch, Tally& tally) {
  const batch::Rows::Head head{row.due, row.sensor, row.anomaly, 0, row.overlay};
  batch.readings.push(head, row.values, *row.arrival);
  if (!is_duplicated) return;
  batch.readings.push(head, row.values, *row.arrival);
  ++tally.duplicates;
  batch.deliveries.push_back(
      {row.due, row.arrival->at, row.arrival->sequence, 1, row.sensor, Kind::duplicate});
}

bool Cohort::skip_slots(Timestamp until, Tally& tally) {
  while (next_due() < until && owed_.size() < batch::Batch::capacity &&
         carry_out(next_due() + 1, Events{owed_, owed_fleet_})) {
    skip_slot(tally);
    advance();
  }
  return next_due() >= until;
}

// Of a sensor that is held, or was and has not delivered everything, the reading waits whoever takes it.
void Cohort::skip_slot(Tally& tally) {
  if (waiting_ && std::exchange(waiting_->left_in_slot, std::nullopt)) return;  // it waits already
  OfSensor* const waits = waiting_of(position_);
  if (waits != nullptr) expire(*waits);
  const model::Sensor before = sensors_[position_];
  model::Sample taken;
  if (!read(Values::left_out, taken, owed_, tally)) return;
  if (waits != nullptr && (waits->hold || waits->is_held())) {
    begin_hold(*waits);
    hold_back(*waits, before, taken, tally);
  } else if (!taken.missing) {
    ++tally.skipped;
  }
}

}  // namespace fleet_sim::fleet
