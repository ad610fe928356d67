#include "report/tally.h"

#include <algorithm>
#include <utility>

#include "model/profile.h"

namespace fleet_sim::report {
namespace {

constexpr std::uint32_t no_cell = UINT32_MAX;

std::uint64_t key_of(std::uint32_t sensor, std::uint32_t combination) {
  return std::uint64_t{sensor} << 32 | combination;
}

// More than one and a half periods: a reading between the two is absent.
bool is_wide(Microseconds spacing, Microseconds period) {
  return spacing - period > period / 2;
}

void add_curve(DailyCurve& to, const DailyCurve& more) {
  for (std::size_t hour = 0; hour < zones::hours_per_day; ++hour) {
    to[hour].sum += more[hour].sum;
    to[hour].readings += more[hour].readings;
  }
}

void add_cell(Cell& to, const Cell& later) {
  if (to.readings == 0) to.first = later.first;
  to.last = later.last;
  to.readings += later.readings;
  to.synced += later.synced;
  for (std::size_t k = 0; k < anomaly_type_count; ++k) to.anomalous[k] += later.anomalous[k];
  to.left += later.left;
}

}  // namespace

const types::ChannelColumn* daily_channel_of(const types::Schema& schema) {
  using Kind = types::ChannelKind;
  for (const types::ChannelColumn& channel : schema.channels()) {
    if (channel.kind == Kind::gauge || channel.kind == Kind::product) return &channel;
  }
  return nullptr;
}

void add_curves(DailyCurves& to, const DailyCurves& more) {
  for (const auto& [name, curve] : more) add_curve(to[name], curve);
}

void ReadingTally::add(const StoredReading& reading) {
  const std::uint32_t sensor = number_of(reading.sensor_id);
  const bool is_new = sensor == sensors_.size();
  if (is_new) {
    sensors_.push_back({.first = reading.at, .last = reading.at});
  } else {
    follow(sensor, reading.at);
  }
  Cell& cell = cell_of(sensor, reading.traits, era_.of(context_->eras, reading.at), is_new);
  SlotCount& slot = count_of(slot_.of(context_->slots, reading.at), combinations_[cell.combination].strand);
  ++slot.readings;
  slot.anomalous += reading.anomaly ? 1 : 0;
  if (cell.readings++ == 0) cell.first = reading.at;
  cell.last = reading.at;
  if (reading.synced) {
    ++cell.synced;
  } else {
    oldest_unsynced_ = std::min(oldest_unsynced_, reading.at);
  }
  if (reading.anomaly) {
    ++cell.anomalous[index_of(*reading.anomaly)];
    if (takes_rows(*reading.anomaly) && context_->injected.hold(reading.sensor_id, reading.at)) ++cell.left;
  } else if (reading.daily_value) {
    DailyCurve& curve = curves_[combinations_[cell.combination].location_class];
    HourMean& hour = curve[hour_.of(reading.at, context_->config->clock.zone)];
    hour.sum += *reading.daily_value;
    ++hour.readings;
  }
}

// The sensor that follows is guessed first, because comparing a text costs less than finding it.
std::uint32_t ReadingTally::number_of(std::string_view id) {
  if (sensors_.empty()) return ids_.intern(id);
  std::uint32_t& next = sensors_[previous_].next;
  if (ids_[next] != id) next = ids_.intern(id);
  return previous_ = next;
}

SlotCount& ReadingTally::count_of(std::size_t slot, std::uint32_t strand) {
  std::vector<SlotCount>& strands = slots_[slot];
  if (strand >= strands.size()) strands.resize(strand + 1);
  return strands[strand];
}

Cell& ReadingTally::cell_of(std::uint32_t sensor, const Traits& traits, std::uint32_t era, bool is_new) {
  const std::uint32_t current = sensors_[sensor].cell;
  if (!is_new) {
    const Combination& known = combinations_[cells_[current].combination];
    if (known.era == era && known.traits == traits) return cells_[current];
  }
  const std::uint32_t combination = intern(traits, era);
  auto next = static_cast<std::uint32_t>(cells_.size());
  if (!is_new) {
    cell_by_key_.try_emplace(key_of(sensor, cells_[current].combination), current);
    next = cell_by_key_.try_emplace(key_of(sensor, combination), next).first->second;
  }
  if (next == cells_.size()) cells_.push_back({.sensor = sensor, .combination = combination});
  sensors_[sensor].cell = next;
  return cells_[next];
}

std::uint32_t ReadingTally::intern(const Traits& traits, std::uint32_t era) {
  Key key{};
  for (std::size_t i = 0; i < trait_count; ++i) key[i] = texts_.intern(traits[i]);
  key.back() = era;
  const auto [entry, is_new] =
      number_of_combination_.try_emplace(key, static_cast<std::uint32_t>(combinations_.size()));
  if (!is_new) return entry->second;
  Combination combination{};
  for (std::size_t i = 0; i < trait_count; ++i) combination.traits[i] = texts_[key[i]];
  combination.location_class =
      classes_.intern(model::location_class(context_->config->behaviors, traits[index_of(Trait::location)]));
  curves_.resize(classes_.size());
  key[index_of(Trait::location)] = combination.location_class;
  combination.era = era;
  combination.strand =
      strand_of_key_.try_emplace(key, static_cast<std::uint32_t>(strand_of_key_.size())).first->second;
  combinations_.push_back(combination);
  return entry->second;
}

// A sensor's period is not in the files: it is learned as the shortest spacing of the sensor's readings, anew
// for every run.
void ReadingTally::follow(std::uint32_t number, Timestamp next) {
  Sensor& sensor = sensors_[number];
  const Timestamp last = std::exchange(sensor.last, next);
  const Microseconds spacing = next - last;
  // A later run that fills the same time again.
  if (spacing <= 0) {
    goes_back_ = true;
    return;
  }
  if (sensor.period > 0 && spacing >= sensor.period && !is_wide(spacing, sensor.period)) {
    sensor.unconfirmed = confirmed;
    return;
  }
  const std::uint32_t run = run_at(last);
  const bool within_run = run_at(next) == run;
  if (sensor.period == 0 || run != sensor.run) {
    if (!within_run) {
      if (is_wide(spacing, usual_period())) judge_spacing(number, last, next, spacing);
      return;
    }
    sensor.period = spacing;
    sensor.unconfirmed = next;
    sensor.run = run;
  } else if (spacing < sensor.period) {
    if (within_run) learn(number, spacing, next);
  } else {
    judge_spacing(number, last, next, sensor.period);
  }
}

// A shorter period than was thought, in the same run.
void ReadingTally::learn(std::uint32_t number, Microseconds period, Timestamp end) {
  Sensor& sensor = sensors_[number];
  const Microseconds longer = std::exchange(sensor.period, period);
  const Timestamp doubtful = std::exchange(sensor.unconfirmed, end);
  if (doubtful != confirmed && is_wide(longer, period)) {
    judge_spacing(number, doubtful - longer, doubtful, period);
  }
}

// The same sensor in a tally of later rows.
void ReadingTally::follow(std::uint32_t number, const Sensor& theirs) {
  follow(number, theirs.first);
  Sensor& ours = sensors_[number];
  ours.last = theirs.last;
  if (theirs.period == 0) return;
  if (ours.period == 0 || theirs.run != ours.run) {
    ours.period = theirs.period;
    ours.unconfirmed = theirs.unconfirmed;
    ours.run = theirs.run;
  } else if (theirs.period < ours.period) {
    learn(number, theirs.period, theirs.unconfirmed);
  } else if (theirs.unconfirmed != confirmed && is_wide(theirs.period, ours.period)) {
    judge_spacing(number, theirs.unconfirmed - theirs.period, theirs.unconfirmed, ours.period);
  }
}

void ReadingTally::judge_spacing(std::uint32_t sensor, Timestamp last, Timestamp next, Microseconds period) {
  if (run_at(last) != run_at(next)) {
    ++gaps_.between_runs;
    gaps_.between_runs_length += next - last;
    return;
  }
  const auto spacings = static_cast<std::uint64_t>((next - last + period / 2) / period);
  const std::uint64_t explained = context_->missing.count_between(ids_[sensor], last, next, spacings) +
                                  context_->undelivered.count_between(ids_[sensor], last, next, spacings);
  if (spacings - 1 > explained) {
    gaps_.add({std::string(ids_[sensor]), last, next, spacings - 1 - explained});
  }
}

Microseconds ReadingTally::usual_period() const {
  return static_cast<Microseconds>(1e6 * context_->config->simulation.rate.seconds());
}

std::uint32_t ReadingTally::run_at(Timestamp at) const {
  const auto& starts = context_->run_starts;
  return static_cast<std::uint32_t>(std::ranges::upper_bound(starts, at) - starts.begin());
}

void ReadingTally::append(const ReadingTally& later) {
  for (std::uint32_t i = 0; i < later.sensors_.size(); ++i) {
    const Sensor& theirs = later.sensors_[i];
    const std::uint32_t number = ids_.intern(later.ids_[i]);
    if (number == sensors_.size()) {
      sensors_.push_back(theirs);
      sensors_[number].cell = no_cell;
    } else {
      follow(number, theirs);
    }
  }
  for (const Cell& cell : later.cells_) {
    const std::uint32_t sensor = *ids_.find(later.ids_[cell.sensor]);
    add_cell(cell_of(sensor, later.traits(cell.combination), later.era(cell.combination),
                     sensors_[sensor].cell == no_cell),
             cell);
  }
  std::vector<std::uint32_t> ours(later.strands());
  for (const Combination& combination : later.combinations_)
    ours[combination.strand] = combinations_[intern(combination.traits, combination.era)].strand;
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    for (std::uint32_t i = 0; i < later.slots_[slot].size(); ++i) {
      const SlotCount& more = later.slots_[slot][i];
      if (more.readings == 0) continue;
      SlotCount& count = count_of(slot, ours[i]);
      count.readings += more.readings;
      count.anomalous += more.anomalous;
    }
  }
  for (std::uint32_t i = 0; i < later.curves_.size(); ++i) {
    add_curve(curves_[classes_.intern(later.classes_[i])], later.curves_[i]);
  }
  gaps_ += later.gaps_;
  goes_back_ = goes_back_ || later.goes_back_;
  oldest_unsynced_ = std::min(oldest_unsynced_, later.oldest_unsynced_);
}

DailyCurves ReadingTally::curves() const {
  DailyCurves curves;
  for (std::uint32_t i = 0; i < curves_.size(); ++i) curves[std::string(classes_[i])] = curves_[i];
  return curves;
}

std::optional<Timestamp> ReadingTally::oldest_unsynced() const {
  if (oldest_unsynced_ == std::numeric_limits<Timestamp>::max()) return std::nullopt;
  return oldest_unsynced_;
}

}  // namespace fleet_sim::report
