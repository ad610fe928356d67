#include "report/fleet_tally.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "model/profile.h"

namespace fleet_sim::report {
namespace {

std::string named(std::string_view text, std::string_view otherwise) {
  return std::string(text.empty() ? otherwise : text);
}

// How far a moment lies outside a cell's first and last reading.
Microseconds distance(const Cell& cell, Timestamp at) {
  return std::max({Microseconds{0}, cell.first - at, at - cell.last});
}

// The cells of a tally, those of a sensor side by side.
std::vector<std::uint32_t> cells_by_sensor(const ReadingTally& tally) {
  std::vector<std::uint32_t> order(tally.cells().size());
  for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, {}, [&](std::uint32_t i) { return tally.cells()[i].sensor; });
  return order;
}

// Calls `visit` for each event with the cell that it goes to: an event has no traits of its own, so it goes
// to the one that its sensor was filling at the time. `unplaced` gets the readings of sensors without a row.
template <class Visit>
void place_events(const ReadShard& shard, const EventSpans& events, std::uint64_t& unplaced,
                  const Visit& visit) {
  const ReadingTally& tally = shard.tally;
  const auto order = cells_by_sensor(tally);
  const auto sensor_of = [&](std::uint32_t i) { return tally.cells()[i].sensor; };
  for (const EventSpan& span : events.all()) {
    const auto sensor = tally.find_sensor(events.sensor_id(span));
    if (!sensor) {
      unplaced += span.readings;
      continue;
    }
    const auto [begin, end] = std::ranges::equal_range(order, *sensor, {}, sensor_of);
    visit(span, *std::ranges::min_element(
                    begin, end, {}, [&](std::uint32_t i) { return distance(tally.cells()[i], span.from); }));
  }
}

// The readings of events, for each cell.
std::vector<PerAnomalyType<std::uint64_t>> readings_of_cells(const ReadShard& shard, const EventSpans& events,
                                                             std::uint64_t& unplaced) {
  std::vector<PerAnomalyType<std::uint64_t>> readings(shard.tally.cells().size());
  place_events(shard, events, unplaced, [&](const EventSpan& span, std::uint32_t cell) {
    readings[cell][index_of(span.type)] += span.readings;
  });
  return readings;
}

// Of the readings of an event, which are equally far apart, how many are due before `moment`.
std::uint64_t readings_before(const EventSpan& span, Timestamp moment) {
  if (moment <= span.from || span.readings == 0) return 0;
  if (moment > span.until || span.until <= span.from || span.readings == 1) return span.readings;
  const double spacings = static_cast<double>(moment - span.from) /
                          static_cast<double>(span.until - span.from) *
                          static_cast<double>(span.readings - 1);
  return std::min<std::uint64_t>(span.readings, static_cast<std::uint64_t>(std::ceil(spacings)));
}

std::uint64_t sum_of(const PerAnomalyType<std::uint64_t>& readings) {
  return std::accumulate(readings.begin(), readings.end(), std::uint64_t{0});
}

// Sums over the sensors of each group, from members of which those of a sensor follow each other.
class GroupRates {
 public:
  explicit GroupRates(std::size_t groups) : sums_(groups) {}

  void add(std::uint32_t sensor, std::size_t group, std::uint64_t due, std::uint64_t anomalous) {
    if (sensor != sensor_) finish();
    sensor_ = sensor;
    auto& [x, y] = pending_[group];
    x += due;
    y += anomalous;
  }

  // After the last.
  void finish() {
    for (const auto& [group, counts] : pending_) sums_[group].add(counts.first, counts.second);
    pending_.clear();
  }

  [[nodiscard]] const RatioSums& operator[](std::size_t group) const { return sums_[group]; }

 private:
  std::vector<RatioSums> sums_;
  std::uint32_t sensor_ = 0;
  std::map<std::size_t, std::pair<std::uint64_t, std::uint64_t>> pending_;  // of one sensor
};

// Adds up kinds, and knows for how many of their due readings something was to be expected.
class GroupSum {
 public:
  explicit GroupSum(std::string name) { group_.name = std::move(name); }

  template <class Kind>
  void add(const Kind& kind) {
    group_.readings += kind.readings;
    group_.missing += kind.missing;
    group_.injected += kind.injected;
    group_.synced += kind.synced;
    with_expectation_ += kind.with_expectation;
    for (std::size_t k = 0; k < anomaly_type_count; ++k) {
      group_.anomalous[k] += kind.anomalous[k];
      expected_[k] += kind.expected[k];
    }
  }

  [[nodiscard]] ReportGroup group(const RatioSums& sums) const {
    ReportGroup group = group_;
    group.sensors = sums.sensors();
    group.rate = sums.rate();
    group.interval = sums.interval();
    if (group.due() == 0 || with_expectation_ < group.due()) return group;
    group.expected = expected_;
    for (double& share : *group.expected) share /= static_cast<double>(group.due());
    return group;
  }

 private:
  ReportGroup group_;
  PerAnomalyType<double> expected_{};
  std::uint64_t with_expectation_ = 0;
};

}  // namespace

ReportShard FleetTally::add(const std::string& file, const ReadShard& shard) {
  const ReadingTally& tally = shard.tally;
  ReportShard summary;
  summary.file = file;
  summary.sensor_type = shard.schema.type();
  std::uint64_t unplaced = 0;
  const std::vector<PerAnomalyType<std::uint64_t>> missing =
      readings_of_cells(shard, shard.context->missing, unplaced);
  std::uint64_t ignored = 0;
  const std::vector<PerAnomalyType<std::uint64_t>> injected =
      readings_of_cells(shard, shard.context->injected, ignored);
  const std::vector<std::uint32_t> kinds = kinds_of(shard);
  for (std::size_t i = 0; i < tally.cells().size(); ++i) {
    const Cell& cell = tally.cells()[i];
    add_cell(cell, missing[i], kinds[cell.combination], sensors_.intern(tally.sensor_id(cell.sensor)));
    kinds_[kinds[cell.combination]].injected += sum_of(injected[i]) + cell.left;
    offer(cell, missing[i], kinds[cell.combination], file, tally);
    summary.readings += cell.readings;
    summary.missing += sum_of(missing[i]);
    summary.synced += cell.synced;
    if (!summary.range) summary.range = {cell.first, cell.last};
    summary.range->first = std::min(summary.range->first, cell.first);
    summary.range->last = std::max(summary.range->last, cell.last);
  }
  add_stays(tally);
  const types::SensorType* type = shard.config.types->find(shard.schema.type());
  add_slots(shard, add_expectation(shard, kinds, missing));
  summary.missing += unplaced;
  summary.sensors = tally.sensors().size();
  summary.oldest_unsynced = tally.oldest_unsynced();
  summary.gaps = tally.gaps().count;
  summary.deleted = shard.deleted;
  summary.expectation_missing = shard.config.why_not;
  if (shard.config.is_known && type == nullptr && summary.readings > 0) {
    summary.expectation_missing = "its runs' config does not declare its type of sensor";
  }
  for (const tables::RunInfo& run : shard.runs) summary.runs.push_back(run.run_id);

  add_daily(shard);
  gaps_ += tally.gaps();
  events_ += shard.events;
  delivery_ += shard.delivery;
  missing_.events += shard.missing_events;
  missing_.open_events += shard.open_missing_events;
  missing_.readings += summary.missing;
  missing_.without_a_row += unplaced;
  return summary;
}

void FleetTally::add_stays(const ReadingTally& tally) {
  const auto shard = static_cast<std::uint32_t>(goes_back_.size());
  goes_back_.push_back(tally.goes_back());
  for (std::uint32_t i = 0; i < tally.sensors().size(); ++i) {
    const ReadingTally::Sensor& sensor = tally.sensors()[i];
    stays_.push_back({sensors_.intern(tally.sensor_id(i)), shard, sensor.first, sensor.last});
  }
}

// A shard whose times go back may hold any time, so each that shares a sensor with it counts.
std::vector<std::size_t> FleetTally::shards_with_repeats() {
  std::vector<bool> repeats = goes_back_;
  std::ranges::sort(stays_, {}, [](const Stay& stay) { return std::tuple(stay.sensor, stay.first); });
  const Stay* longest = nullptr;  // of this sensor, the one that ends last
  for (const Stay& stay : stays_) {
    const bool follows = longest != nullptr && longest->sensor == stay.sensor;
    if (follows && (stay.first <= longest->last || goes_back_[stay.shard] || goes_back_[longest->shard])) {
      repeats[stay.shard] = true;
      repeats[longest->shard] = true;
    }
    if (!follows || stay.last > longest->last) longest = &stay;
  }
  std::vector<std::size_t> shards;
  for (std::size_t i = 0; i < repeats.size(); ++i) {
    if (repeats[i]) shards.push_back(i);
  }
  return shards;
}

std::vector<std::uint32_t> FleetTally::kinds_of(const ReadShard& shard) {
  std::vector<std::uint32_t> kinds;
  for (std::uint32_t i = 0; i < shard.tally.combinations(); ++i) {
    kinds.push_back(kind_of(shard.schema.type(), shard.tally.traits(i), *shard.config.config));
  }
  return kinds;
}

std::vector<std::optional<double>> FleetTally::add_expectation(
    const ReadShard& shard, std::span<const std::uint32_t> kinds,
    std::span<const PerAnomalyType<std::uint64_t>> missing) {
  const ReadingTally& tally = shard.tally;
  struct Strand {
    double expected = 0;
    std::uint64_t due = 0;
  };
  std::vector<Strand> strands(tally.strands());
  std::map<std::pair<std::uint32_t, Microseconds>, const PerAnomalyType<double>*> shares;
  for (std::size_t i = 0; shard.config.is_known && i < tally.cells().size(); ++i) {
    const Cell& cell = tally.cells()[i];
    const data::ConfigEra& era = shard.config.eras[tally.era(cell.combination)];
    const types::SensorType* type = era.types->find(shard.schema.type());
    if (type == nullptr) continue;
    // How often a sensor is read decides what is expected only where anomalies.basis is `event`.
    const bool rate_matters = era.config->anomalies.basis == config::AnomalyBasis::event;
    const Microseconds period = rate_matters ? tally.sensors()[cell.sensor].period : 0;
    const auto [entry, is_new] = shares.try_emplace({cell.combination, period});
    if (is_new) entry->second = &shares_.find(*era.config, tally.traits(cell.combination), period, *type);
    Kind& kind = kinds_[kinds[cell.combination]];
    Strand& strand = strands[tally.strand(cell.combination)];
    const std::uint64_t due = cell.readings + sum_of(missing[i]);
    kind.with_expectation += due;
    strand.due += due;
    for (std::size_t k = 0; k < anomaly_type_count; ++k) {
      const double expected = (*entry->second)[k] * static_cast<double>(due);
      kind.expected[k] += expected;
      strand.expected += expected;
    }
  }
  std::vector<std::optional<double>> expected(strands.size());
  for (std::size_t i = 0; i < strands.size(); ++i) {
    if (strands[i].due > 0) expected[i] = strands[i].expected / static_cast<double>(strands[i].due);
  }
  return expected;
}

void FleetTally::add_slots(const ReadShard& shard, std::span<const std::optional<double>> expected) {
  const ReadingTally& tally = shard.tally;
  std::vector<std::vector<FirmwareShare>> shares(slots_.size(), std::vector<FirmwareShare>(tally.strands()));
  for (std::size_t slot = 0; slot < tally.slots().size(); ++slot) {
    for (std::size_t strand = 0; strand < tally.slots()[slot].size(); ++strand) {
      shares[slot][strand].readings = tally.slots()[slot][strand].readings;
      shares[slot][strand].anomalous = tally.slots()[slot][strand].anomalous;
    }
  }
  const auto spread = [&](const EventSpans& events, const auto& note) {
    std::uint64_t unplaced = 0;
    place_events(shard, events, unplaced, [&](const EventSpan& span, std::uint32_t cell) {
      const std::uint32_t strand = tally.strand(tally.cells()[cell].combination);
      const auto first = std::ranges::upper_bound(course_.slots, span.from) - course_.slots.begin() - 1;
      std::uint64_t before = 0;
      for (auto slot = static_cast<std::size_t>(first); before < span.readings && slot < slots_.size();
           ++slot) {
        const bool is_last = slot + 1 == slots_.size();
        const std::uint64_t until = is_last ? span.readings : readings_before(span, course_.slots[slot + 1]);
        note(shares[slot][strand], until - before);
        before = until;
      }
    });
  };
  spread(shard.context->missing, [](FirmwareShare& share, std::uint64_t readings) {
    share.missing += readings;
    share.anomalous += readings;
  });
  spread(shard.context->injected,
         [](FirmwareShare& share, std::uint64_t readings) { share.injected += readings; });
  std::vector<std::string> firmware(tally.strands());
  for (std::uint32_t i = 0; i < tally.combinations(); ++i)
    firmware[tally.strand(i)] =
        named(config::canonical_firmware(tally.traits(i)[index_of(Trait::firmware)]), no_name);
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    for (std::size_t strand = 0; strand < firmware.size(); ++strand) {
      FirmwareShare& share = shares[slot][strand];
      if (share.due() == 0) continue;
      share.with_expectation = expected[strand] ? share.due() : 0;
      share.expected = expected[strand].value_or(0) * static_cast<double>(share.due());
      slots_[slot][firmware[strand]] += share;
    }
  }
}

OverTime FleetTally::over_time() const {
  std::map<std::string, std::uint64_t> readings;
  for (const auto& slot : slots_) {
    for (const auto& [name, share] : slot) readings[name] += share.due();
  }
  OverTime over_time{course_.marks, course_.marks_left_out, {}, {}, {}};
  for (const auto& [name, count] : readings) over_time.firmware.push_back(name);
  if (over_time.firmware.size() > OverTime::most_firmwares) {
    std::ranges::sort(over_time.firmware, std::ranges::greater(),
                      [&](const std::string& name) { return readings[name]; });
    over_time.firmware.resize(OverTime::most_firmwares - 1);
    std::ranges::sort(over_time.firmware);
    over_time.firmware.emplace_back(other_firmware);
  }
  const auto index_of_firmware = [&](const std::string& name) {
    const auto found = std::ranges::find(over_time.firmware, name);
    return std::min<std::size_t>(static_cast<std::size_t>(found - over_time.firmware.begin()),
                                 over_time.firmware.size() - 1);
  };
  std::size_t next_stretch = 0;
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    const Timestamp from = course_.slots[slot];
    const ReportSpan empty{from, from, std::vector<FirmwareShare>(over_time.firmware.size())};
    if (next_stretch < course_.stretches.size() && from == course_.stretches[next_stretch]) {
      over_time.stretches.push_back(empty);
      ++next_stretch;
    }
    ReportSpan& point = over_time.points.emplace_back(empty);
    for (const auto& [name, share] : slots_[slot]) {
      point.by_firmware[index_of_firmware(name)] += share;
      over_time.stretches.back().by_firmware[index_of_firmware(name)] += share;
    }
  }
  return over_time;
}

void FleetTally::add_cell(const Cell& cell, const PerAnomalyType<std::uint64_t>& missing,
                          std::uint32_t number, std::uint32_t sensor) {
  Kind& kind = kinds_[number];
  const std::uint64_t all_missing = sum_of(missing);
  kind.readings += cell.readings;
  kind.missing += all_missing;
  kind.synced += cell.synced;
  std::uint64_t anomalous = 0;
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    kind.anomalous[k] += cell.anomalous[k] + missing[k];
    anomalous += cell.anomalous[k] + missing[k];
  }
  members_.push_back({sensor, number, cell.readings + all_missing, anomalous});
}

// Takes the cell's sensor for its kind if it is the most varied yet; the id decides between equals.
void FleetTally::offer(const Cell& cell, const PerAnomalyType<std::uint64_t>& missing, std::uint32_t kind,
                       const std::string& file, const ReadingTally& tally) {
  std::uint64_t types = 0;
  std::uint64_t rarest = UINT64_MAX;
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    const std::uint64_t readings = cell.anomalous[k] + missing[k];
    if (readings == 0) continue;
    ++types;
    rarest = std::min(rarest, readings);
  }
  if (types == 0) rarest = 0;
  VariedSensor& best = kinds_[kind].varied;
  const std::string_view id = tally.sensor_id(cell.sensor);
  const auto rank = [](std::uint64_t a, std::uint64_t b, std::string_view c) {
    return std::tuple(~a, ~b, c);
  };
  const bool is_first = best.file.empty();
  if (!is_first && rank(types, rarest, id) >= rank(best.anomaly_types, best.rarest_readings, best.sensor_id))
    return;
  const Traits& traits = tally.traits(cell.combination);
  best = {std::string(id),
          file,
          kinds_[kind].sensor_type,
          std::string(traits[index_of(Trait::firmware)]),
          std::string(traits[index_of(Trait::model)]),
          std::string(traits[index_of(Trait::manufacturer)]),
          std::string(traits[index_of(Trait::location)]),
          tally.sensors()[cell.sensor].period,
          types,
          rarest};
}

std::vector<VariedSensor> FleetTally::most_varied() const {
  std::vector<const Kind*> order;
  for (const Kind& kind : kinds_) order.push_back(&kind);
  std::ranges::sort(order, {}, [](const Kind* kind) {
    const VariedSensor& sensor = kind->varied;
    return std::tuple(~sensor.anomaly_types, ~sensor.rarest_readings, std::string_view(sensor.sensor_id));
  });
  std::vector<VariedSensor> chosen;
  std::set<std::string> ids;
  const auto choose = [&](const Kind& kind) {
    if (chosen.size() == Report::most_varied_sensors || !ids.insert(kind.varied.sensor_id).second) return;
    chosen.push_back(kind.varied);
  };
  if (!order.empty()) choose(*order.front());
  for (const auto name :
       {&Kind::sensor_type, &Kind::firmware, &Kind::location_class, &Kind::model, &Kind::manufacturer}) {
    std::set<std::string_view> seen;
    for (const VariedSensor& sensor : chosen) {
      for (const Kind* kind : order) {
        if (kind->varied.sensor_id == sensor.sensor_id) seen.insert(kind->*name);
      }
    }
    for (const Kind* kind : order) {
      if (seen.insert(kind->*name).second) choose(*kind);
    }
  }
  return chosen;
}

std::uint32_t FleetTally::kind_of(const std::string& sensor_type, const Traits& traits,
                                  const config::Config& config) {
  const std::string_view location = traits[index_of(Trait::location)];
  Kind kind;
  kind.sensor_type = named(sensor_type, no_name);
  kind.firmware = named(config::canonical_firmware(traits[index_of(Trait::firmware)]), no_name);
  kind.model = named(traits[index_of(Trait::model)], no_name);
  kind.manufacturer = named(traits[index_of(Trait::manufacturer)], no_name);
  kind.location_class = named(model::location_class(config.behaviors, location), other_locations);
  const auto [entry, is_new] = number_of_kind_.try_emplace(
      {kind.sensor_type, kind.firmware, kind.model, kind.manufacturer, kind.location_class},
      static_cast<std::uint32_t>(kinds_.size()));
  if (is_new) kinds_.push_back(std::move(kind));
  return entry->second;
}

std::vector<ReportGroup> FleetTally::group_by(const NameOf& name) const {
  std::map<std::string, std::size_t> number_of_group;
  for (const Kind& kind : kinds_) number_of_group.try_emplace(name(kind), 0);
  std::vector<GroupSum> groups;
  for (auto& [group, number] : number_of_group) {
    number = groups.size();
    groups.emplace_back(group);
  }
  std::vector<std::size_t> group_of_kind;
  for (const Kind& kind : kinds_) {
    group_of_kind.push_back(number_of_group[name(kind)]);
    groups[group_of_kind.back()].add(kind);
  }
  GroupRates rates(groups.size());
  for (const Member& member : members_) {
    rates.add(member.sensor, group_of_kind[member.kind], member.due, member.anomalous);
  }
  rates.finish();
  std::vector<ReportGroup> reported;
  for (std::size_t i = 0; i < groups.size(); ++i) reported.push_back(groups[i].group(rates[i]));
  return reported;
}

void FleetTally::add_daily(const ReadShard& shard) {
  const types::ChannelColumn* channel = daily_channel_of(shard.schema);
  if (channel == nullptr) return;
  const auto known = std::ranges::find_if(daily_, [&](const TypicalDay& day) {
    return day.sensor_type == shard.schema.type() && day.channel.name == channel->name;
  });
  if (known != daily_.end()) return add_curves(known->curves, shard.tally.curves());
  daily_.push_back({shard.schema.type(), *channel, shard.tally.curves()});
}

void FleetTally::complete(Report& report) {
  std::ranges::sort(members_, {}, &Member::sensor);
  for (ReportGroup& all : group_by([](const Kind&) { return "all"; })) report.total = std::move(all);
  report.by_sensor_type = group_by(&Kind::sensor_type);
  report.by_firmware = group_by(&Kind::firmware);
  report.by_model = group_by(&Kind::model);
  report.by_manufacturer = group_by(&Kind::manufacturer);
  report.by_location_class = group_by(&Kind::location_class);
  std::ranges::sort(daily_, {}, [](const TypicalDay& day) {
    return std::pair(std::string_view(day.sensor_type), std::string_view(day.channel.name));
  });
  for (TypicalDay& day : daily_) {
    DailyCurves curves;
    for (const auto& [name, curve] : day.curves) curves[named(name, other_locations)] = curve;
    report.daily.push_back({std::move(day.sensor_type), std::move(day.channel), std::move(curves)});
  }
  report.over_time = over_time();
  report.varied = most_varied();
  report.events = events_;
  report.missing = missing_;
  report.delivery = delivery_;
  report.gaps = gaps_;
}

}  // namespace fleet_sim::report
