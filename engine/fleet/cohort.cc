#include "fleet/cohort.h"

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <utility>

#include "fleet/fleet_change.h"

namespace fleet_sim::fleet {

Tally& Tally::operator+=(const Tally& other) {
  due += other.due;
  skipped += other.skipped;
  missing += other.missing;
  for (std::size_t k = 0; k < anomaly_type_count; ++k) anomalies[k] += other.anomalies[k];
  return *this;
}

Cohort::Cohort(std::vector<model::Sensor> sensors, Cadence cadence, Timestamp start, std::uint64_t seed,
               std::uint32_t writer)
    : sensors_(std::move(sensors)),
      cadence_(cadence),
      start_(start),
      origin_(cadence.origin(start)),
      seed_(seed),
      writer_(writer),
      cycle_start_(origin_),
      next_cycle_start_(origin_ + cadence.offset(1)) {
  for (model::Sensor& sensor : sensors_)
    model::enter_steady_state(sensor, seed, origin_ + sensor.phase, cadence);
  make_room();
}

Cohort::Cohort(Cadence cadence, Timestamp start, std::uint64_t seed, std::uint32_t writer)
    : Cohort({}, cadence, start, seed, writer) {}

Tally Cohort::tick(Timestamp until, batch::Batch& batch) {
  Tally tally;
  settle_owed(batch);
  while (next_due() < until && !batch.full()) {
    const model::Sample taken = take_next();
    ++tally.due;
    if (taken.missing) {
      ++tally.missing;
    } else {
      batch.readings.push({next_due(), sensors_[position_].identity, taken.anomaly}, taken.values);
    }
    note_events(taken, batch.events, tally);
    advance();
  }
  return tally;
}

bool Cohort::skip(Timestamp until, Tally& tally) {
  while (next_due() < until && owed_.size() < batch::Batch::capacity) {
    const model::Sample taken = take_next();
    ++tally.due;
    // What a gap leaves out would not have been written in any case.
    ++(taken.missing ? tally.missing : tally.skipped);
    note_events(taken, owed_, tally);
    advance();
  }
  return next_due() >= until;
}

bool Cohort::settle_owed(batch::Batch& batch) {
  const auto count = static_cast<std::ptrdiff_t>(
      std::min(owed_.size(), batch::Batch::capacity - std::min(batch::Batch::capacity, batch.events.size())));
  batch.events.insert(batch.events.end(), owed_.begin(), owed_.begin() + count);
  owed_.erase(owed_.begin(), owed_.begin() + count);
  return owed_.empty();
}

model::Sample Cohort::take_next() {
  model::Sensor& sensor = sensors_[position_];
  const model::Due due{next_due(), next_cycle_start_ + sensor.phase};
  if (!remembers_) [[likely]]
    return model::sample(sensor, seed_, due);
  return model::sample(sensor, seed_, due, {knots_of(position_), ages_of(sensor)});
}

// Whenever sensors are not where they were, or are not what they were.
void Cohort::make_room() {
  forget_knots();
  settle_ages();
  remembers_ = knot_words_ > 0 || !ages_.empty();
}

sources::KnotWords Cohort::knots_of(std::size_t i) {
  return std::span(knots_).subspan(i * knot_words_, model::knot_words(*sensors_[i].profile));
}

// They are found again as they are needed.
void Cohort::forget_knots() {
  knot_words_ = 0;
  for (const model::Sensor& sensor : sensors_)
    knot_words_ = std::max(knot_words_, model::knot_words(*sensor.profile));
  knots_.assign(sensors_.size() * knot_words_, sources::no_knot);
}

// Those of a sensor stay together, in the order of the sensors, with what is known of them.
void Cohort::settle_ages() {
  std::vector<model::AgingState> settled;
  for (model::Sensor& sensor : sensors_) {
    const std::size_t count = model::agings_of(*sensor.profile);
    if (count == 0) {
      sensor.ages = model::Sensor::no_ages;
      continue;
    }
    const auto place = static_cast<std::uint32_t>(settled.size());
    if (sensor.ages == model::Sensor::no_ages) {
      settled.resize(settled.size() + count);
    } else {
      const auto known = ages_.begin() + sensor.ages;
      settled.insert(settled.end(), known, known + static_cast<std::ptrdiff_t>(count));
    }
    sensor.ages = place;
  }
  ages_ = std::move(settled);
}

std::span<model::AgingState> Cohort::ages_of(const model::Sensor& sensor) {
  if (sensor.ages == model::Sensor::no_ages) return {};
  return std::span(ages_).subspan(sensor.ages, model::agings_of(*sensor.profile));
}

std::span<const model::AgingState> Cohort::ages_of(const model::Sensor& sensor) const {
  if (sensor.ages == model::Sensor::no_ages) return {};
  return std::span(ages_).subspan(sensor.ages, model::agings_of(*sensor.profile));
}

batch::AnomalyEvent Cohort::describe_aging(const model::Sensor& sensor, std::size_t aging,
                                           batch::AnomalyEvent::Kind kind) const {
  const model::Profile& profile = *sensor.profile;
  return model::describe_aging(ages_[sensor.ages + aging], profile.agings->declared()[aging],
                               profile.aging_names[aging], kind, sensor.identity);
}

void Cohort::note_events(const model::Sample& taken, std::vector<batch::AnomalyEvent>& events,
                         Tally& tally) const {
  note_event(taken, events, tally);
  if (ages_.empty()) return;
  const model::Sensor& sensor = sensors_[position_];
  const std::span<const model::AgingState> ages = ages_of(sensor);
  for (std::size_t i = 0; i < ages.size(); ++i) {
    if (!ages[i].event) continue;
    events.push_back(describe_aging(sensor, i, *ages[i].event));
    if (batch::begins(*ages[i].event)) ++tally.anomalies[index_of(AnomalyType::aging)];
  }
}

void Cohort::note_event(const model::Sample& taken, std::vector<batch::AnomalyEvent>& events,
                        Tally& tally) const {
  if (!taken.event) return;
  const model::Sensor& sensor = sensors_[position_];
  events.push_back(model::describe_anomaly(sensor.anomaly, *taken.event, sensor.identity));
  if (batch::begins(*taken.event)) ++tally.anomalies[index_of(*taken.anomaly)];
}

void Cohort::advance() {
  if (++position_ < sensors_.size()) return;
  position_ = 0;
  ++cycle_;
  cycle_start_ = next_cycle_start_;
  next_cycle_start_ = origin_ + cadence_.offset(cycle_ + 1);
}

// Whether the sensor's anomaly has shown and has readings to come.
bool Cohort::is_open(std::size_t index) const {
  const model::Sensor& sensor = sensors_[index];
  return sensor.anomaly.active() && sensor.anomaly.has_shown && next_due_of(index) <= sensor.anomaly.ended_at;
}

std::vector<batch::AnomalyEvent> Cohort::open_anomalies() const {
  constexpr auto progressed = batch::AnomalyEvent::Kind::progressed;
  std::vector<batch::AnomalyEvent> open;
  for (std::size_t i = 0; i < sensors_.size(); ++i) {
    const model::Sensor& sensor = sensors_[i];
    if (is_open(i)) open.push_back(model::describe_anomaly(sensor.anomaly, progressed, sensor.identity));
    const std::span<const model::AgingState> ages = ages_of(sensor);
    for (std::size_t a = 0; a < ages.size(); ++a) {
      if (ages[a].is_open(next_due_of(i))) open.push_back(describe_aging(sensor, a, progressed));
    }
  }
  return open;
}

Cohort::Found Cohort::find(std::uint64_t key) {
  const Microseconds phase = model::phase_of(key, cadence_);
  const auto first = std::ranges::lower_bound(sensors_, phase, {}, &model::Sensor::phase);  // may share it
  for (auto sensor = first; sensor != sensors_.end() && sensor->phase == phase; ++sensor) {
    if (sensor->key != key) continue;
    return {&*sensor, next_due_of(static_cast<std::size_t>(sensor - sensors_.begin()))};
  }
  return {};
}

std::span<model::Sensor> Cohort::due_next() {
  const auto first = sensors_.begin() + static_cast<std::ptrdiff_t>(position_);
  const auto last = std::find_if(
      first, sensors_.end(), [first](const model::Sensor& sensor) { return sensor.phase != first->phase; });
  return {first, last};
}

void Cohort::put_off(const std::function<bool(std::uint32_t)>& is_late) {
  const std::span<model::Sensor> due = due_next();
  const auto late = std::stable_partition(
      due.begin(), due.end(), [&](const model::Sensor& sensor) { return !is_late(sensor.identity); });
  for (model::Sensor& sensor : std::span(late, due.end())) {
    ++sensor.phase;
    if (sensor.anomaly.active()) ++sensor.anomaly.ended_at;
    for (model::AgingState& age : ages_of(sensor)) ++age.interval.ends;
  }
  make_room();
}

double Cohort::readings_per_second() const {
  return static_cast<double>(size()) * 1e6 / static_cast<double>(cadence_.period());
}

// The sensors take turns in the order of their phases, so those of a cycle that are still to be read are the
// last ones.
void Cohort::pass_to(Timestamp moment) {
  cycle_ = due_before(moment, sensors_.back());
  cycle_start_ = origin_ + cadence_.offset(cycle_);
  next_cycle_start_ = origin_ + cadence_.offset(cycle_ + 1);
  position_ = position_at(moment, cycle_start_);
}

// How many have had their turn in the cycle.
std::size_t Cohort::position_at(Timestamp moment, Timestamp cycle_start) const {
  const auto next = std::ranges::partition_point(
      sensors_, [&](const model::Sensor& sensor) { return cycle_start + sensor.phase < moment; });
  return static_cast<std::size_t>(next - sensors_.begin());
}

void Cohort::resume_at(Timestamp moment, const PastAnomalies& past, const Lives& lives) {
  pass_to(moment);
  for (std::size_t i = 0; i < sensors_.size(); ++i) {
    model::Sensor& sensor = sensors_[i];
    const auto known = past.find(sensor.identity);
    const auto found = lives.find(sensor.identity);
    const Life* const life = found == lives.end() ? nullptr : &found->second;
    sensor.anomaly = anomaly_at(moment, sensor, known == past.end() ? nullptr : &known->second, life);
    restore_ages(moment, i, life);
  }
}

// An interval needs no record: what has been read of it follows from when the sensor was due. It is that of
// the last reading, as long as no other has been taken.
void Cohort::restore_ages(Timestamp moment, std::size_t i, const Life* life) {
  const model::Sensor& sensor = sensors_[i];
  const Stretch all{start_, latest_timestamp, sensor.profile, cadence_, false, sensor.shared};
  const std::span<const Stretch> stretches =
      life == nullptr ? std::span(&all, 1) : std::span<const Stretch>(life->stretches);
  const std::span<model::AgingState> ages = ages_of(sensor);
  if (ages.empty()) return;
  const Timestamp at = last_due(moment, sensor.key, stretches, start_).value_or(next_due_of(i));
  for (std::size_t a = 0; a < ages.size(); ++a) {
    ages[a].interval = sensor.profile->agings->interval(a, seed_, sensor.key, at);
    ages[a].readings = static_cast<std::uint32_t>(
        readings_since(ages[a].interval.onset, moment, sensor.key, stretches, start_));
  }
}

model::Anomaly Cohort::anomaly_at(Timestamp moment, const model::Sensor& sensor, const PastAnomaly* past,
                                  const Life* life) const {
  const RunSeed run{seed_, start_};
  if (life != nullptr) {
    return fleet::anomaly_at(moment, sensor.key, life->stretches, life->begins_new, past, run);
  }
  const Stretch all{start_, latest_timestamp, sensor.profile, cadence_, false, sensor.shared};
  return fleet::anomaly_at(moment, sensor.key, std::span(&all, 1), true, past, run);
}

std::uint64_t Cohort::apply(FleetChange& change, Timestamp moment) {
  std::uint64_t departed = 0;
  for (std::size_t i = 0; i < sensors_.size(); ++i) {
    model::Sensor& sensor = sensors_[i];
    const Fate& fate = change.fate_of(sensor.identity);
    if (fate.kind == Fate::Kind::stays) continue;
    if (sensor.anomaly.active()) change_anomaly(i, fate, change, moment);
    change_ages(i, fate, change, moment);
    if (fate.kind == Fate::Kind::changes) {
      sensor.identity = fate.to;
      sensor.profile = fate.profile;
      sensor.shared = fate.shared;
      continue;
    }
    if (fate.kind == Fate::Kind::rejoins) change.joiners[fate.to].sensor.anomaly = sensor.anomaly;
    departed += due_before(moment, sensor);
    sensor.profile = nullptr;
  }
  if (std::erase_if(sensors_, [](const model::Sensor& sensor) { return sensor.profile == nullptr; }) > 0 &&
      !sensors_.empty()) {
    pass_to(moment);
  }
  make_room();
  return departed;
}

// An anomaly ends at the change when it may not go on, or when no reading of a new rate is left for it; its
// event then ends after the last reading that it affected. One whose last reading seemed to have been taken
// may have more of them at a higher rate, now or after another change.
void Cohort::change_anomaly(std::size_t i, const Fate& fate, FleetChange& change, Timestamp moment) {
  model::Sensor& sensor = sensors_[i];
  const Timestamp ended_at = sensor.anomaly.ended_at;
  const bool was_open = is_open(i);
  const bool has_shown = sensor.anomaly.has_shown;
  const bool has_more = next_due_after(change, fate, i, moment) <= ended_at;
  const bool may_continue = fate.kind != Fate::Kind::leaves && !fate.to_another_shard &&
                            model::continues_under(sensor.anomaly, *sensor.profile, *fate.profile);
  using Kind = batch::AnomalyEvent::Kind;
  if (outlasts_change(may_continue, has_more, was_open)) {
    if (has_more && has_shown && !was_open) note(sensor, Kind::progressed, ended_at, change);
    return;
  }
  if (has_shown && (was_open || has_more)) note(sensor, Kind::closed, moment - 1, change);
  sensor.anomaly = model::Anomaly{};
}

// The parts of a sensor wear on whatever changes about it, unless it becomes one of another type. Where its
// readings go on in another file, or nowhere, the event ends at the change; what is open in the next file
// begins with its first reading there. At another rate, an interval may have readings again after its last
// one, or none anymore.
void Cohort::change_ages(std::size_t i, const Fate& fate, FleetChange& change, Timestamp moment) {
  model::Sensor& sensor = sensors_[i];
  const std::span<model::AgingState> ages = ages_of(sensor);
  const bool may_continue = fate.kind != Fate::Kind::leaves && !fate.to_another_shard &&
                            model::same_agings(*sensor.profile, *fate.profile);
  const Timestamp next = next_due_after(change, fate, i, moment);
  using Kind = batch::AnomalyEvent::Kind;
  const auto note_aging = [&](std::size_t a, Kind kind, Timestamp ended_at) {
    batch::AnomalyEvent event = describe_aging(sensor, a, kind);
    event.ended_at = ended_at;
    change.anomalies.push_back({writer_, event});
  };
  for (std::size_t a = 0; a < ages.size(); ++a) {
    const Timestamp ends = ages[a].interval.ends;
    const bool was_open = ages[a].is_open(next_due_of(i));
    const bool has_more = ages[a].is_open(next);
    if (was_open && !may_continue) note_aging(a, Kind::closed, moment - 1);
    if (was_open && may_continue && !has_more) note_aging(a, Kind::closed, ends - 1);
    if (!was_open && may_continue && has_more) note_aging(a, Kind::progressed, ends - 1);
  }
  if (!may_continue) {
    sensor.ages = model::Sensor::no_ages;
  } else if (fate.kind == Fate::Kind::rejoins) {
    change.joiners[fate.to].ages.assign(ages.begin(), ages.end());
  }
}

Timestamp Cohort::next_due_after(const FleetChange& change, const Fate& fate, std::size_t i,
                                 Timestamp moment) const {
  if (fate.kind == Fate::Kind::leaves) return latest_timestamp;
  if (fate.kind == Fate::Kind::changes) return next_due_of(i);
  const Joiner& joiner = change.joiners[fate.to];
  const Timestamp first_due = joiner.cadence.origin(start_) + joiner.sensor.phase;
  return first_due + joiner.cadence.offset(joiner.cadence.count_before(moment - first_due));
}

void Cohort::note(const model::Sensor& sensor, batch::AnomalyEvent::Kind kind, Timestamp ended_at,
                  FleetChange& change) const {
  batch::AnomalyEvent event = model::describe_anomaly(sensor.anomaly, kind, sensor.identity);
  event.ended_at = ended_at;
  change.anomalies.push_back({writer_, event});
}

std::uint64_t Cohort::join(std::span<Joiner> joiners, Timestamp moment) {
  std::uint64_t passed = 0;
  sensors_.reserve(sensors_.size() + joiners.size());
  for (Joiner& joiner : joiners) {
    model::Sensor& sensor = sensors_.emplace_back(joiner.sensor);
    if (!joiner.ages.empty()) {
      sensor.ages = static_cast<std::uint32_t>(ages_.size());
      ages_.insert(ages_.end(), joiner.ages.begin(), joiner.ages.end());
    }
    const std::uint64_t before = due_before(moment, sensor);
    passed += before;
    if (joiner.is_new)
      model::enter_steady_state(sensor, seed_, origin_ + sensor.phase + cadence_.offset(before), cadence_);
  }
  std::ranges::sort(sensors_, {},
                    [](const model::Sensor& sensor) { return std::tuple(sensor.phase, sensor.key); });
  pass_to(moment);
  make_room();
  return passed;
}

std::uint64_t Cohort::due_before(Timestamp until) const {
  const std::uint64_t cycles = due_before(until, sensors_.back());
  return cycles * size() + position_at(until, origin_ + cadence_.offset(cycles));
}

std::uint64_t Cohort::due_before(Timestamp until, const model::Sensor& sensor) const {
  return cadence_.count_before(until - origin_ - sensor.phase);
}

}  // namespace fleet_sim::fleet
