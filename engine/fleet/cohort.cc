#include "fleet/cohort.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>
#include <tuple>
#include <utility>
#include <variant>

#include "fleet/fleet_change.h"
#include "fleet/story.h"

namespace fleet_sim::fleet {

Tally& Tally::operator+=(const Tally& other) {
  due += other.due;
  skipped += other.skipped;
  missing += other.missing;
  silent += other.silent;
  dropped += other.dropped;
  duplicates += other.duplicates;
  undelivered += other.undelivered;
  for (std::size_t k = 0; k < anomaly_type_count; ++k) anomalies[k] += other.anomalies[k];
  for (std::size_t i = 0; i < most_firmwares; ++i) by_firmware[i] += other.by_firmware[i];
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

void Cohort::follow(const StoryOf& story) {
  story_ = std::make_shared<Story>(story, members());
}

void Cohort::follow(const StoryOf& story, Timestamp moment, const PastStories& stories) {
  go_on(story, moment, stories);
  for (std::size_t i = 0; i < sensors_.size(); ++i) {
    model::Sensor& sensor = sensors_[i];
    if (story_->overlay(i) == 0) continue;
    const auto [profile, shared] = story_->resolve(i, sensor.identity);
    sensor.profile = profile;
    sensor.shared = shared;
  }
  make_room();
}

void Cohort::go_on(const StoryOf& story, Timestamp moment, const PastStories& pasts) {
  story_ = story.script ? std::make_shared<Story>(story, members(), moment, pasts) : nullptr;
  deliver_by_story(moment);
}

std::vector<std::uint32_t> Cohort::members() const {
  std::vector<std::uint32_t> members;
  members.reserve(sensors_.size());
  for (const model::Sensor& sensor : sensors_) members.push_back(sensor.identity);
  return members;
}

// Flat, because every reading comes here: what it calls are a few lines each.
[[gnu::flatten]] Tally Cohort::tick(Timestamp until, batch::Batch& batch) {
  if (story_ || waiting_) return tick_slots(until, batch);
  Tally tally;
  settle_owed(batch);
  if (batch.full()) return tally;
  const std::size_t first = position_;
  using batch::Batch;
  const auto is_full = [&batch] {  // nothing else of it grows here
    return batch.readings.size() >= Batch::capacity ||
           batch.events.size() + Batch::most_events_of_a_reading > Batch::capacity;
  };
  while (next_due() < until && !is_full()) {
    const model::Sample taken = take_next();
    ++tally.due;
    if (taken.anomaly) tally.note_anomalous(sensors_[position_], *taken.anomaly);
    if (taken.missing) {
      ++tally.missing;
    } else {
      batch.readings.push({next_due(), sensors_[position_].identity, taken.anomaly}, taken.values);
    }
    note_events(taken, batch.events, tally);
    advance();
  }
  count_taken(first, tally);
  return tally;
}

// All readings that were due have been taken, since it was the turn of `first`: by everyone so many times,
// and once more by those whose turn it was then.
void Cohort::count_taken(std::size_t first, Tally& tally) const {
  const std::uint64_t rounds = tally.due / size();
  const std::size_t rest = tally.due % size();
  std::array<std::uint32_t, most_sensors> more;  // by profile; not cleared for those that there are not
  std::fill_n(more.begin(), profiles_.size(), 0u);
  const auto count = [&](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) ++more[profile_of_[i]];
  };
  if (profiles_.size() == 1) {
    more[0] = static_cast<std::uint32_t>(rest);
  } else {
    count(first, std::min(first + rest, size()));
    if (first + rest > size()) count(0, first + rest - size());
  }
  for (std::size_t k = 0; k < profiles_.size(); ++k) {
    const auto& [profile, sensors] = profiles_[k];
    tally.note_taken(*profile, rounds * sensors + more[k]);
  }
}

bool Cohort::skip(Timestamp until, Tally& tally) {
  if (story_ || waiting_) return skip_slots(until, tally);
  while (next_due() < until && owed_.size() < batch::Batch::capacity) {
    const model::Sample taken = pass_next();
    ++tally.due;
    // What a gap leaves out would not have been written in any case.
    ++(taken.missing ? tally.missing : tally.skipped);
    if (taken.missing) tally.note_taken(sensors_[position_], taken);
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
  const auto fleet = static_cast<std::ptrdiff_t>(
      std::min(owed_fleet_.size(),
               batch::Batch::capacity - std::min(batch::Batch::capacity, batch.fleet_events.size())));
  batch.fleet_events.insert(batch.fleet_events.end(), owed_fleet_.begin(), owed_fleet_.begin() + fleet);
  owed_fleet_.erase(owed_fleet_.begin(), owed_fleet_.begin() + fleet);
  return owed_.empty() && owed_fleet_.empty();
}

bool Cohort::carry_out(Timestamp until, batch::Batch& batch) {
  return carry_out(until, Events{batch.events, batch.fleet_events});
}

bool Cohort::carry_out(Timestamp until, const Events& events) {
  if (!story_) return true;
  while (story_->next_at() < until) {
    const bool is_full =
        events.anomalies.size() + batch::Batch::most_events_of_a_reading > batch::Batch::capacity ||
        events.fleet.size() >= batch::Batch::capacity;
    if (is_full) return false;
    if (const auto moment = story_->next(until)) happen(*moment, events);
  }
  return true;
}

void Cohort::happen(const timeline::Moment& moment, const Events& both) {
  std::vector<batch::AnomalyEvent>& events = both.anomalies;
  const scenario::Verb& verb = story_->entry(moment).verb;
  const std::size_t i = moment.sensor;
  quiet_until_[i] = earliest_timestamp;
  if (std::holds_alternative<scenario::Set>(verb) && !moment.fails) become(i, moment.at, events);
  if (std::holds_alternative<scenario::Leave>(verb)) leave(i, moment.at, events);
  if (const auto* how = std::get_if<scenario::Deliver>(&verb)) deliver(sensors_[i].key, *how, moment.until);
  if (const auto* what = std::get_if<scenario::Reset>(&verb)) reset(i, *what, moment.at, events);
  if (const auto* what = std::get_if<scenario::Fault>(&verb)) begin_fault(i, *what, moment, events);
  if (std::holds_alternative<scenario::Join>(verb)) join(i);
  both.fleet.push_back(story_->describe(moment, sensors_[i].identity));
}

// The parts of a sensor wear on: its type stays.
void Cohort::become(std::size_t i, Timestamp moment, std::vector<batch::AnomalyEvent>& events) {
  model::Sensor& sensor = sensors_[i];
  const auto [profile, shared] = story_->resolve(i, sensor.identity);
  const bool may_continue = model::continues_under(sensor.anomaly, *sensor.profile, *profile);
  change_anomaly(i, {may_continue, next_due_of(i), moment}, events);
  sensor.profile = profile;
  sensor.shared = shared;
  forget_knots(i);
}

void Cohort::leave(std::size_t i, Timestamp moment, std::vector<batch::AnomalyEvent>& events) {
  const Turn turn{false, latest_timestamp, moment};
  change_anomaly(i, turn, events);
  change_ages(i, turn, events);
  for (model::AgingState& age : ages_of(sensors_[i])) age = {};
}

void Cohort::reset(std::size_t i, const scenario::Reset& what, Timestamp moment,
                   std::vector<batch::AnomalyEvent>& events) {
  const auto names = [&](std::string_view name) {
    return std::ranges::find(what.what, name) != what.what.end();
  };
  const model::Sensor& sensor = sensors_[i];
  const Turn turn{false, latest_timestamp, moment};
  if (sensor.anomaly.active() && names(name_of(*sensor.anomaly.type))) change_anomaly(i, turn, events);
  const std::span<model::AgingState> ages = ages_of(sensor);
  for (std::size_t a = 0; a < ages.size(); ++a) {
    if (!names(sensor.profile->agings->declared()[a].name)) continue;
    change_age(i, a, turn, events);
    ages[a] = {};
  }
}

// It ends what the sensor is in the middle of, if it can begin.
void Cohort::begin_fault(std::size_t i, const scenario::Fault& what, const timeline::Moment& moment,
                         std::vector<batch::AnomalyEvent>& events) {
  model::Sensor& sensor = sensors_[i];
  const auto request = story_->request(i, what, moment);
  const model::Circumstances now = now_of(i, moment.at);
  if (!request || !model::can_happen(*sensor.profile, *request) ||
      model::has_failed(sensor, seed_, moment.at, now))
    return;
  change_anomaly(i, {false, latest_timestamp, moment.at}, events);
  model::return_to_anomaly(sensor, seed_, *request, moment.at, now);
  story_->note_fault(i, moment);
}

model::Sample Cohort::take_next() {
  model::Sensor& sensor = sensors_[position_];
  const model::Due due{next_due(), next_cycle_start_ + sensor.phase};
  if (!remembers_ && !story_) [[likely]]
    return model::sample(sensor, seed_, due);
  return take_next_as_it_is(sensor, due);
}

model::Sample Cohort::pass_next() {
  model::Sensor& sensor = sensors_[position_];
  const model::Due due{next_due(), next_cycle_start_ + sensor.phase};
  return model::pass(sensor, seed_, due, {{}, ages_of(sensor), now_of(position_, due.at)});
}

// With what is remembered of it, and what a scenario has made of it.
model::Sample Cohort::take_next_as_it_is(model::Sensor& sensor, const model::Due& due) {
  if (!remembers_) return model::sample(sensor, seed_, due, {{}, {}, now_of(position_, due.at)});
  return model::sample(sensor, seed_, due, {knots_of(position_), ages_of(sensor), now_of(position_, due.at)});
}

model::Circumstances Cohort::now_of(std::size_t i, Timestamp at) {
  return story_ ? story_->circumstances(i, at, sensors_[i].profile->channels.size()) : model::Circumstances();
}

// Whenever sensors are not where they were, or are not what they were.
void Cohort::make_room() {
  forget_knots();
  settle_ages();
  sort_by_profile();
  remembers_ = knot_words_ > 0 || !ages_.empty();
  if (waiting_) waiting_->seat(sensors_);
  quiet_until_.assign(sensors_.size(), earliest_timestamp);
}

void Cohort::sort_by_profile() {
  profiles_.clear();
  profile_of_.clear();
  std::unordered_map<const model::Profile*, std::uint16_t> place_of;
  for (const model::Sensor& sensor : sensors_) {
    const auto place =
        place_of.try_emplace(sensor.profile, static_cast<std::uint16_t>(profiles_.size())).first->second;
    if (place == profiles_.size()) profiles_.emplace_back(sensor.profile, 0);
    ++profiles_[place].second;
    profile_of_.push_back(place);
  }
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

void Cohort::forget_knots(std::size_t i) {
  if (model::knot_words(*sensors_[i].profile) > knot_words_) return make_room();
  std::ranges::fill(knots_of(i), sources::no_knot);
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

bool Cohort::note_events(const model::Sample& taken, std::vector<batch::AnomalyEvent>& events,
                         Tally& tally) const {
  bool is_any = note_event(taken, events, tally);
  if (ages_.empty()) [[likely]]
    return is_any;
  const model::Sensor& sensor = sensors_[position_];
  const std::span<const model::AgingState> ages = ages_of(sensor);
  for (std::size_t i = 0; i < ages.size(); ++i) {
    if (!ages[i].event) continue;
    events.push_back(describe_aging(sensor, i, *ages[i].event));
    if (batch::begins(*ages[i].event)) ++tally.anomalies[index_of(AnomalyType::aging)];
    is_any = true;
  }
  return is_any;
}

batch::AnomalyEvent Cohort::describe(std::size_t i, batch::AnomalyEvent::Kind kind) const {
  const model::Sensor& sensor = sensors_[i];
  batch::AnomalyEvent event = model::describe_anomaly(sensor.anomaly, kind, sensor.identity);
  if (story_ && event.cause == AnomalyCause::scenario)
    event.scenario = static_cast<std::uint32_t>(story_->fault(i));
  return event;
}

bool Cohort::note_event(const model::Sample& taken, std::vector<batch::AnomalyEvent>& events,
                        Tally& tally) const {
  if (!taken.event) [[likely]]
    return false;
  events.push_back(describe(position_, *taken.event));
  if (batch::begins(*taken.event)) ++tally.anomalies[index_of(*taken.anomaly)];
  return true;
}

void Cohort::advance() {
  // Without finding out how many they are, which takes a division.
  if (sensors_.data() + ++position_ != std::to_address(sensors_.end())) [[likely]]
    return;
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
    if (is_open(i)) open.push_back(describe(i, progressed));
    const std::span<const model::AgingState> ages = ages_of(sensor);
    for (std::size_t a = 0; a < ages.size(); ++a) {
      if (ages[a].is_open(next_due_of(i))) open.push_back(describe_aging(sensor, a, progressed));
    }
  }
  for (batch::AnomalyEvent& event : open) event.as_of = next_due();
  return open;
}

Cohort::Found Cohort::find(std::uint64_t key) {
  const std::optional<std::size_t> place = place_of(key);
  if (!place) return {};
  model::Sensor& sensor = sensors_[*place];
  const Timestamp next_due = next_due_of(*place);
  if (!story_) return {&sensor, next_due};
  return {&sensor, next_due, story_->is_there(*place),
          story_->look_at(*place, next_due, sensor.profile->channels.size())};
}

std::optional<std::size_t> Cohort::place_of(std::uint64_t key) const {
  const Microseconds phase = model::phase_of(key, cadence_);
  const auto first = std::ranges::lower_bound(sensors_, phase, {}, &model::Sensor::phase);  // may share it
  for (auto sensor = first; sensor != sensors_.end() && sensor->phase == phase; ++sensor) {
    if (sensor->key == key) return static_cast<std::size_t>(sensor - sensors_.begin());
  }
  return std::nullopt;
}

Touched Cohort::touched(const Found& found) const {
  return story_ ? story_->touched(static_cast<std::size_t>(found.sensor - sensors_.data())) : Touched();
}

void Cohort::count_sensors(PerFirmware<std::uint64_t>& with) const {
  for (std::size_t i = 0; i < sensors_.size(); ++i) {
    if (!story_ || story_->is_there(i)) ++with[sensors_[i].profile->firmware];
  }
}

std::span<model::Sensor> Cohort::due_next() {
  const auto first = sensors_.begin() + static_cast<std::ptrdiff_t>(position_);
  const auto last = std::find_if(
      first, sensors_.end(), [first](const model::Sensor& sensor) { return sensor.phase != first->phase; });
  return {first, last};
}

void Cohort::put_off(const std::function<bool(std::uint32_t)>& is_late) {
  const std::span<model::Sensor> due = due_next();
  std::vector<std::size_t> order(due.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto late =
      std::ranges::stable_partition(order, [&](std::size_t k) { return !is_late(due[k].identity); }).begin();
  const std::vector<model::Sensor> before(due.begin(), due.end());
  for (std::size_t k = 0; k < order.size(); ++k) due[k] = before[order[k]];
  for (model::Sensor& sensor : due.subspan(static_cast<std::size_t>(late - order.begin()))) {
    ++sensor.phase;
    if (sensor.anomaly.active()) ++sensor.anomaly.ended_at;
    for (model::AgingState& age : ages_of(sensor)) ++age.interval.ends;
  }
  if (story_) story_->reorder(position_, order);
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
    if (story_ && !story_->is_there(i)) {
      sensor.anomaly = model::Anomaly{};
      continue;
    }
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
  const model::Circumstances now = now_of(i, moment);
  for (std::size_t a = 0; a < ages.size(); ++a) {
    const Timestamp serviced = now.serviced.empty() ? model::never_serviced : now.serviced[a];
    ages[a].interval = sensor.profile->agings->interval(a, seed_, sensor.key, at, serviced);
    ages[a].readings = static_cast<std::uint32_t>(
        readings_since(ages[a].interval.onset, moment, sensor.key, stretches, start_));
  }
}

model::Anomaly Cohort::anomaly_at(Timestamp moment, const model::Sensor& sensor, const PastAnomaly* past,
                                  const Life* life) const {
  const RunSeed run{seed_, start_};
  if (life != nullptr) {
    return fleet::anomaly_at(moment, sensor.key, life->stretches, life->begins_new, past, run,
                             life->begins_at_onset);
  }
  const Stretch all{start_, latest_timestamp, sensor.profile, cadence_, false, sensor.shared};
  return fleet::anomaly_at(moment, sensor.key, std::span(&all, 1), true, past, run);
}

std::uint64_t Cohort::apply(FleetChange& change, Timestamp moment, const StoryOf& story, PastStories& pasts) {
  std::uint64_t departed = 0;
  std::vector<batch::AnomalyEvent> events;
  if (story_) story_->use(change.profiles);
  const bool is_other = (story_ ? !story_->is_of(story) : story.script != nullptr) || loses_any(change);
  PastStories stories;  // of those that stay here
  if (is_other && story.script) stories = past_stories(story);
  for (std::size_t i = 0; i < sensors_.size(); ++i) {
    model::Sensor& sensor = sensors_[i];
    const Fate& fate = change.fate_of(sensor.identity);
    if (fate.kind == Fate::Kind::stays) continue;
    const ProfileTable::Entry next = become_of(i, fate, change);
    const bool stays_here = fate.kind != Fate::Kind::leaves && !fate.to_another_shard;
    const Timestamp next_due = next_due_after(change, fate, i, moment);
    const bool goes_on = stays_here && model::continues_under(sensor.anomaly, *sensor.profile, *next.profile);
    change_anomaly(i, {goes_on, next_due, moment}, events);
    const bool wears_on = stays_here && model::same_agings(*sensor.profile, *next.profile);
    change_ages(i, {wears_on, next_due, moment}, events);
    if (!wears_on) sensor.ages = model::Sensor::no_ages;
    if (fate.kind == Fate::Kind::changes) {
      sensor.identity = fate.to;
      sensor.profile = next.profile;
      sensor.shared = next.shared;
      if (story_) story_->rename(i, fate.to);
      if (waiting_ && fate.to_another_shard) waiting_->forget_rows(i);
      continue;
    }
    if (fate.kind == Fate::Kind::rejoins) {
      Joiner& joiner = change.joiners[fate.to];
      const std::span<const model::AgingState> ages = ages_of(sensor);
      joiner.ages.assign(ages.begin(), ages.end());
      joiner.sensor.anomaly = sensor.anomaly;
      joiner.sensor.profile = next.profile;
      joiner.sensor.shared = next.shared;
      if (story.script) pasts.insert(stories.extract(sensor.key));
    }
    departed += due_before(moment, sensor);
    if (waiting_) waiting_->forget(i);
    sensor.profile = nullptr;
  }
  for (const batch::AnomalyEvent& event : events) change.anomalies.push_back({writer_, event});
  if (std::erase_if(sensors_, [](const model::Sensor& sensor) { return sensor.profile == nullptr; }) > 0 &&
      !sensors_.empty()) {
    pass_to(moment);
  }
  make_room();
  if (is_other) go_on(story, moment, stories);
  return departed;
}

bool Cohort::loses_any(const FleetChange& change) const {
  return std::ranges::any_of(sensors_, [&](const model::Sensor& sensor) {
    const Fate::Kind kind = change.fate_of(sensor.identity).kind;
    return kind == Fate::Kind::rejoins || kind == Fate::Kind::leaves;
  });
}

// Before a scenario, nothing has been made of any sensor.
PastStories Cohort::past_stories(const StoryOf& next) const {
  PastStories stories;
  if (story_) {
    story_->tell(next, stories);
  } else {
    for (const model::Sensor& sensor : sensors_) stories.try_emplace(sensor.key);
  }
  return stories;
}

// What the sensor is made with from then on.
ProfileTable::Entry Cohort::become_of(std::size_t i, const Fate& fate, const FleetChange& change) const {
  if (fate.kind == Fate::Kind::leaves) return {};
  if (!story_ || story_->overlay(i) == 0) return {fate.profile, fate.shared};
  return story_->resolve(
      i, fate.kind == Fate::Kind::rejoins ? change.joiners[fate.to].sensor.identity : fate.to);
}

// An anomaly ends at the change when it may not go on, or when no reading of a new rate is left for it; its
// event then ends after the last reading that it affected. One whose last reading seemed to have been taken
// may have more of them at a higher rate, now or after another change.
void Cohort::change_anomaly(std::size_t i, const Turn& turn, std::vector<batch::AnomalyEvent>& events) {
  model::Sensor& sensor = sensors_[i];
  if (!sensor.anomaly.active()) return;
  const Timestamp ended_at = sensor.anomaly.ended_at;
  const bool was_open = is_open(i);
  const bool has_shown = sensor.anomaly.has_shown;
  const bool has_more = turn.next_due <= ended_at;
  using Kind = batch::AnomalyEvent::Kind;
  const auto note = [&](Kind kind, Timestamp until) {
    events.push_back(describe(i, kind));
    events.back().ended_at = until;
    events.back().as_of = turn.moment;
  };
  if (outlasts_change(turn.may_continue, has_more, was_open)) {
    if (has_more && has_shown && !was_open) note(Kind::progressed, ended_at);
    return;
  }
  if (has_shown && (was_open || has_more)) note(Kind::closed, turn.moment - 1);
  sensor.anomaly = model::Anomaly{};
}

// The parts of a sensor wear on whatever changes about it, unless it becomes one of another type. Where its
// readings go on in another file, or nowhere, the event ends at the change; what is open in the next file
// begins with its first reading there. At another rate, an interval may have readings again after its last
// one, or none anymore.
void Cohort::change_ages(std::size_t i, const Turn& turn, std::vector<batch::AnomalyEvent>& events) {
  for (std::size_t a = 0; a < ages_of(sensors_[i]).size(); ++a) change_age(i, a, turn, events);
}

void Cohort::change_age(std::size_t i, std::size_t aging, const Turn& turn,
                        std::vector<batch::AnomalyEvent>& events) {
  const model::Sensor& sensor = sensors_[i];
  const model::AgingState& age = ages_of(sensor)[aging];
  using Kind = batch::AnomalyEvent::Kind;
  const auto note = [&](Kind kind, Timestamp until) {
    events.push_back(describe_aging(sensor, aging, kind));
    events.back().ended_at = until;
    events.back().as_of = turn.moment;
  };
  const Timestamp ends = age.interval.ends;
  const bool was_open = age.is_open(next_due_of(i));
  const bool has_more = age.is_open(turn.next_due);
  if (was_open && !turn.may_continue) note(Kind::closed, turn.moment - 1);
  if (was_open && turn.may_continue && !has_more) note(Kind::closed, ends - 1);
  if (!was_open && turn.may_continue && has_more) note(Kind::progressed, ends - 1);
}

Timestamp Cohort::next_due_after(const FleetChange& change, const Fate& fate, std::size_t i,
                                 Timestamp moment) const {
  if (fate.kind == Fate::Kind::leaves) return latest_timestamp;
  if (fate.kind == Fate::Kind::changes) return next_due_of(i);
  const Joiner& joiner = change.joiners[fate.to];
  const Timestamp first_due = joiner.cadence.origin(start_) + joiner.sensor.phase;
  return first_due + joiner.cadence.offset(joiner.cadence.count_before(moment - first_due));
}

// Whoever joins for the first time may be in the middle of an anomaly. What would have begun while a sensor
// was away, or before it left, has not.
void Cohort::join(std::size_t i) {
  sensors_[i].anomaly = model::Anomaly{};
  if (!story_->has_left(i)) model::enter_steady_state(sensors_[i], seed_, next_due_of(i), cadence_);
}

std::uint64_t Cohort::join(std::span<Joiner> joiners, Timestamp moment, const StoryOf& story,
                           const PastStories& pasts) {
  std::uint64_t passed = 0;
  PastStories stories;
  if (story.script) stories = past_stories(story);
  sensors_.reserve(sensors_.size() + joiners.size());
  for (Joiner& joiner : joiners) {
    model::Sensor& sensor = sensors_.emplace_back(joiner.sensor);
    if (!joiner.ages.empty()) {
      sensor.ages = static_cast<std::uint32_t>(ages_.size());
      ages_.insert(ages_.end(), joiner.ages.begin(), joiner.ages.end());
    }
    if (const auto past = pasts.find(sensor.key); past != pasts.end()) {
      stories.insert(*past);
    } else if (!joiner.is_new && story.script) {
      stories.emplace(sensor.key, past_of_returned());
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
  if (story.script) go_on(story, moment, stories);
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
