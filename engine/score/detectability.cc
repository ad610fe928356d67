#include "score/detectability.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <iterator>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "base/random.h"
#include "score/baselines.h"
#include "score/judge.h"
#include "score/one_liners.h"
#include "score/ranking.h"

namespace fleet_sim::score {
namespace {

constexpr std::size_t most_shards = 32;
constexpr std::uint64_t most_scanned_per_shard = 2 * readings_looked_at;
constexpr std::uint64_t most_scanned = 2 * readings_looked_at;  // about, to find those of the chosen sensors
constexpr std::size_t most_sensors = 64;

// The first so many of the texts, in an order that has nothing to do with them.
std::vector<std::string> chosen(const std::set<std::string>& texts, std::size_t most) {
  std::vector<std::string> all(texts.begin(), texts.end());
  std::ranges::sort(
      all, {}, [](const std::string& text) { return std::pair(hash_text(text), std::string_view(text)); });
  all.resize(std::min(all.size(), most));
  return all;
}

// In an order that has nothing to do with what is in them, until they have enough readings.
std::vector<data::SourceShard> chosen_shards(const std::vector<data::SourceShard>& shards) {
  std::vector<data::SourceShard> with_events;
  std::ranges::copy_if(shards, std::back_inserter(with_events),
                       [](const data::SourceShard& shard) { return shard.has_readings && shard.has_events; });
  std::ranges::sort(with_events, {}, [](const data::SourceShard& shard) {
    // Wherever the folder is, and whatever it is called.
    return std::pair(hash_text(shard.file.filename().string()), shard.file.string());
  });
  with_events.resize(std::min(with_events.size(), most_shards));
  std::uint64_t scanned = 0;
  const auto enough = std::ranges::find_if(with_events, [&](const data::SourceShard& shard) {
    if (scanned >= most_scanned) return true;
    scanned += std::min(most_scanned_per_shard, data::most_readings_of(shard));
    return false;
  });
  with_events.erase(enough, with_events.end());
  return with_events;
}

std::set<std::string> sensors_with_events(const std::vector<data::SourceShard>& shards) {
  std::set<std::string> sensors;
  for (const data::SourceShard& shard : shards) {
    tables::Database database = data::open(shard);
    tables::Statement row =
        data::prepare_query(database, "SELECT DISTINCT sensor_id FROM anomaly_events", shard.file);
    while (data::next_row(row, database, shard.file)) sensors.emplace(row.text(0));
  }
  return sensors;
}

struct RowKey {
  AnomalyType kind;
  Group severity;

  auto operator<=>(const RowKey&) const = default;
};

// How one detector does.
struct Reach {
  double won = 0;  // areas, times readings
  double readings = 0;
  bool is_perfect = true;

  void add(double area, double weight) {
    won += area * weight;
    readings += weight;
    is_perfect = is_perfect && area == 1;
  }
  [[nodiscard]] double area() const { return readings == 0 ? 0 : won / readings; }
};
using PerDetector = std::array<Reach, detectors.size()>;

// Where scores lie among a few others. A search among all of these would cost more than everything else, so
// they are kept in groups of similar ones, few in each.
class Places {
 public:
  // These are ascending, and none is below 0.
  explicit Places(std::vector<float> among) : among_(std::move(among)) {
    if (among_.empty()) return;
    assert(!std::signbit(among_.front()));
    lowest_ = group_of(among_.front());
    first_.assign(group_of(among_.back()) - lowest_ + 2, 0);
    for (const float score : among_) ++first_[group_of(score) - lowest_ + 1];
    std::partial_sum(first_.begin(), first_.end(), first_.begin());
  }

  [[nodiscard]] std::size_t size() const { return among_.size(); }
  // Of the first of them that is not lower; behind all of them, and for what is not a number, their size.
  [[nodiscard]] std::size_t of(float score) const {
    const std::size_t group = std::max(group_of(score), lowest_) - lowest_;
    if (group + 1 >= first_.size()) return size();
    const auto begin = among_.begin();
    return static_cast<std::size_t>(
        std::lower_bound(begin + first_[group], begin + first_[group + 1], score) - begin);
  }
  [[nodiscard]] bool is_at(std::size_t place, float score) const {
    return place < size() && among_[place] == score;
  }

 private:
  // The bits of numbers that are not below 0 rise with them: eight of the exponent, then the mantissa. A
  // group is a 128th of a power of two.
  static std::uint32_t group_of(float score) { return std::bit_cast<std::uint32_t>(score) >> (23 - 7); }

  std::vector<float> among_;
  std::uint32_t lowest_ = 0;          // group
  std::vector<std::uint32_t> first_;  // by group from the lowest on, and the end of the last one
};

// How one detector tells the anomalous readings of a sensor from its normal ones. There are some of both.
class Comparison {
 public:
  Comparison(const Scores& scores, const std::vector<Label>& labels,
             const std::vector<std::size_t>& anomalous) {
    // Sorting the few of them takes less time than sorting the many normal ones.
    const Places places(distinct(scores, anomalous));
    std::vector<std::uint64_t> between(places.size() + 1, 0);  // normal ones, between two of these
    std::vector<std::uint64_t> equal(places.size() + 1, 0);
    for (std::size_t i = 0; i < scores.size(); ++i) {
      if (labels[i] != Label::normal) continue;
      ++normal_;
      const std::size_t place = places.of(scores[i]);
      ++(places.is_at(place, scores[i]) ? equal : between)[place];
    }
    std::vector<double> won(places.size() + 1, 0);  // the last one for what is not a number
    std::uint64_t lower = 0;
    for (std::size_t place = 0; place < places.size(); ++place) {
      lower += between[place];
      won[place] = static_cast<double>(lower) + static_cast<double>(equal[place]) / 2;
      lower += equal[place];
    }
    won_.reserve(anomalous.size());
    for (const std::size_t i : anomalous) won_.push_back(won[places.of(scores[i])]);
  }

  // The chance that one of these readings, numbers among the anomalous ones, has a higher score than a normal
  // one; equal scores count half.
  [[nodiscard]] double area(const std::vector<std::size_t>& readings) const {
    double won = 0;
    for (const std::size_t i : readings) won += won_[i];
    return won / (static_cast<double>(readings.size()) * static_cast<double>(normal_));
  }
  // Of all of them.
  [[nodiscard]] double area() const {
    return std::accumulate(won_.begin(), won_.end(), 0.0) /
           (static_cast<double>(won_.size()) * static_cast<double>(normal_));
  }

 private:
  // Scores of these readings, ascending.
  static std::vector<float> distinct(const Scores& scores, const std::vector<std::size_t>& readings) {
    std::vector<float> distinct;
    for (const std::size_t i : readings) {
      if (!std::isnan(scores[i])) distinct.push_back(scores[i]);
    }
    std::ranges::sort(distinct);
    distinct.erase(std::ranges::unique(distinct).begin(), distinct.end());
    return distinct;
  }

  std::vector<double> won_;  // against how many normal ones, by anomalous reading
  std::uint64_t normal_ = 0;
};

// What the detectors make of one sensor.
struct Shown {
  // Of a row's anomalies on a channel.
  struct Area {
    RowKey row;
    std::size_t detector;
    double area;
    double readings;
  };

  std::uint64_t readings = 0;
  std::uint64_t anomalous = 0;  // none: the rest is empty
  std::uint64_t events = 0;
  double position_sum = 0;
  bool is_trivial = false;
  std::vector<Area> areas;
};

// Looks at a sensor.
class Looker {
 public:
  Looker(const SensorTruth& sensor, const types::Schema& schema)
      : sensor_(sensor), schema_(schema), labels_(labels_of(sensor)) {}

  Shown look() {
    for (std::size_t i = 0; i < labels_.size(); ++i) {
      if (labels_[i] == Label::anomalous) anomalous_.push_back(i);
    }
    if (anomalous_.empty()) return {};
    shown_.readings = sensor_.readings.size();
    shown_.anomalous = anomalous_.size();
    add_positions();
    if (std::ranges::count(labels_, Label::normal) > 0) look_at_channels();
    return std::move(shown_);
  }

 private:
  // The readings of a row's anomalies that a channel may show, as numbers among the anomalous ones.
  struct Target {
    RowKey row;
    bool is_of_several;  // channels
    std::vector<std::size_t> readings;
  };

  void look_at_channels() {
    std::map<RowKey, PerDetector> best;  // over the channels, of anomalies of several
    for (const std::size_t channel : judged_channels(schema_)) {
      if (channel >= sensor_.channels()) continue;
      const Readings values = channel_values(sensor_, channel);
      const std::vector<Target> targets = targets_on(static_cast<std::int8_t>(channel));
      for (std::size_t d = 0; d < detectors.size(); ++d) {
        const Scores scores = detectors[d].scores(values);
        const Comparison comparison(scores, labels_, anomalous_);
        shown_.is_trivial = shown_.is_trivial || comparison.area() == 1;
        for (const Target& target : targets)
          add(target, d, comparison.area(target.readings), best[target.row][d]);
      }
    }
    for (const auto& [row, reaches] : best) {
      for (std::size_t d = 0; d < detectors.size(); ++d) {
        if (reaches[d].readings > 0) shown_.areas.push_back({row, d, reaches[d].area(), reaches[d].readings});
      }
    }
  }

  [[nodiscard]] std::vector<Target> targets_on(std::int8_t channel) const {
    const std::vector<std::size_t> event_of = events_of_readings(sensor_);
    std::map<std::pair<RowKey, bool>, std::set<std::size_t>> events;
    for (std::size_t e = 0; e < sensor_.events.size(); ++e) {
      const Event& event = sensor_.events[e];
      const bool is_of_several = event.channel == several_channels;
      if (is_of_several || event.channel == channel)
        events[{{event.type, severity_group(event.severity)}, is_of_several}].insert(e);
    }
    std::vector<Target> targets;
    for (const auto& [key, of_row] : events) {
      Target target{key.first, key.second, {}};
      for (std::size_t i = 0; i < anomalous_.size(); ++i) {
        if (of_row.contains(event_of[anomalous_[i]])) target.readings.push_back(i);
      }
      if (!target.readings.empty()) targets.push_back(std::move(target));
    }
    return targets;
  }

  // Anomalies of this channel alone count at once; of those of several, the channel that shows them best.
  void add(const Target& target, std::size_t detector, double area, Reach& several) {
    const auto readings = static_cast<double>(target.readings.size());
    if (!target.is_of_several) {
      shown_.areas.push_back({target.row, detector, area, readings});
    } else if (several.readings == 0 || several.area() < area) {
      several = Reach{area * readings, readings, area == 1};
    }
  }

  void add_positions() {
    const Timestamp first = sensor_.readings.front().at;
    const auto span = static_cast<double>(sensor_.readings.back().at - first);
    for (const Event& event : sensor_.events) {
      if (span <= 0) continue;
      ++shown_.events;
      shown_.position_sum += std::clamp(static_cast<double>(event.from - first) / span, 0.0, 1.0);
    }
  }

  const SensorTruth& sensor_;
  const types::Schema& schema_;
  std::vector<Label> labels_;
  std::vector<std::size_t> anomalous_;  // readings
  Shown shown_;
};

// Of all sensors.
class Findings {
 public:
  void add(const Shown& shown) {
    if (shown.anomalous == 0) return;
    ++found_.sensors;
    found_.readings += shown.readings;
    found_.anomalous += shown.anomalous;
    found_.events += shown.events;
    found_.position_sum += shown.position_sum;
    found_.trivial_sensors += shown.is_trivial ? 1 : 0;
    for (const Shown::Area& one : shown.areas) rows_[one.row][one.detector].add(one.area, one.readings);
  }

  Detectability result() {
    for (const auto& [key, reaches] : rows_) {
      const auto best = std::ranges::max_element(reaches, {}, &Reach::area);
      const auto number = static_cast<std::size_t>(best - reaches.begin());
      found_.rows.push_back({key.kind, key.severity.name, static_cast<std::uint64_t>(best->readings),
                             detectors[number].name, best->area(), best->is_perfect});
    }
    return std::move(found_);
  }

 private:
  Detectability found_;
  std::map<RowKey, PerDetector> rows_;
};

}  // namespace

std::string_view Detectability::Row::verdict() const {
  if (is_trivial) return "trivial";
  if (roc_auc < 0.6) return "hidden";
  if (roc_auc < 0.85) return "hard";
  return roc_auc < 0.95 ? "fair" : "easy";
}

std::optional<Detectability> detectability_of(const std::vector<data::SourceShard>& shards,
                                              std::uint64_t readings_per_sensor) {
  const std::vector<data::SourceShard> looked_at = chosen_shards(shards);
  const std::uint64_t affordable = readings_looked_at / std::max<std::uint64_t>(1, readings_per_sensor);
  TruthOptions options{
      .with_values = true, .selection = {}, .most_readings_per_shard = most_scanned_per_shard};
  options.selection.sensors =
      chosen(sensors_with_events(looked_at), std::clamp<std::uint64_t>(affordable, 1, most_sensors));
  if (options.selection.sensors.empty()) return std::nullopt;
  const Truth truth(looked_at, options, [](std::uint64_t) {});
  Findings findings;
  for (std::size_t partition = 0; partition < truth.partitions(); ++partition) {
    const std::vector<SensorTruth> sensors = truth.read(partition);
    std::vector<Shown> shown(sensors.size());
    tbb::parallel_for(std::size_t{0}, sensors.size(), [&](std::size_t i) {
      shown[i] = Looker(sensors[i], truth.schema_of(sensors[i].sensor)).look();
    });
    for (const Shown& one : shown) findings.add(one);
  }
  Detectability found = findings.result();
  if (found.sensors == 0) return std::nullopt;
  return found;
}

}  // namespace fleet_sim::score
