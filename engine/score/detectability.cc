#include "score/detectability.h"

#include <algorithm>
#include <iterator>
#include <map>
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
constexpr std::uint64_t most_scanned = 4 * readings_looked_at;  // about, to find those of the chosen sensors
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
  std::ranges::sort(with_events, {},
                    [](const data::SourceShard& shard) { return hash_text(shard.file.string()); });
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

class Looker {
 public:
  void look_at(const SensorTruth& sensor, const types::Schema& schema) {
    labels_ = labels_of(sensor);
    const auto anomalous = static_cast<std::uint64_t>(std::ranges::count(labels_, Label::anomalous));
    if (anomalous == 0) return;
    ++found_.sensors;
    found_.readings += sensor.readings.size();
    found_.anomalous += anomalous;
    add_positions(sensor);
    std::map<RowKey, PerDetector> best;  // over the channels, of anomalies of several
    bool is_trivial = false;
    for (const std::size_t channel : judged_channels(schema)) {
      if (channel >= sensor.channels()) continue;
      const Readings values = channel_values(sensor, channel);
      const std::vector<Target> targets = targets_on(sensor, static_cast<std::int8_t>(channel));
      for (std::size_t d = 0; d < detectors.size(); ++d) {
        const Scores raw = detectors[d].scores(values);
        const std::vector<double> scores(raw.begin(), raw.end());
        const std::vector<std::uint32_t> order = ranked(scores);
        is_trivial = is_trivial || roc_auc({scores, labels_, order}) == 1;
        for (const Target& target : targets) {
          const auto area = roc_auc({scores, target.labels, order});
          if (area) add(target, *area, rows_[target.row][d], best[target.row][d]);
        }
      }
    }
    found_.trivial_sensors += is_trivial ? 1 : 0;
    for (const auto& [row, reaches] : best) {
      for (std::size_t d = 0; d < detectors.size(); ++d) {
        if (reaches[d].readings > 0) rows_[row][d].add(reaches[d].area(), reaches[d].readings);
      }
    }
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
  // The readings of a row's anomalies that a channel may show.
  struct Target {
    RowKey row;
    bool is_of_several;  // channels
    double readings = 0;
    std::vector<Label> labels;  // the other anomalous readings are left out
  };

  [[nodiscard]] std::vector<Target> targets_on(const SensorTruth& sensor, std::int8_t channel) const {
    const std::vector<std::size_t> event_of = events_of_readings(sensor);
    std::map<std::pair<RowKey, bool>, std::set<std::size_t>> events;
    for (std::size_t e = 0; e < sensor.events.size(); ++e) {
      const Event& event = sensor.events[e];
      const bool is_of_several = event.channel == several_channels;
      if (is_of_several || event.channel == channel)
        events[{{event.type, severity_group(event.severity)}, is_of_several}].insert(e);
    }
    std::vector<Target> targets;
    for (const auto& [key, of_row] : events) {
      Target target{key.first, key.second, 0, labels_};
      for (std::size_t i = 0; i < labels_.size(); ++i) {
        if (labels_[i] != Label::anomalous) continue;
        const bool belongs = of_row.contains(event_of[i]);
        if (!belongs) target.labels[i] = Label::left_out;
        target.readings += belongs ? 1 : 0;
      }
      if (target.readings > 0) targets.push_back(std::move(target));
    }
    return targets;
  }

  // Anomalies of this channel alone count at once; of those of several, the channel that shows them best.
  static void add(const Target& target, double area, Reach& own, Reach& several) {
    if (!target.is_of_several) {
      own.add(area, target.readings);
    } else if (several.readings == 0 || several.area() < area) {
      several = Reach{area * target.readings, target.readings, area == 1};
    }
  }

  void add_positions(const SensorTruth& sensor) {
    const Timestamp first = sensor.readings.front().at;
    const auto span = static_cast<double>(sensor.readings.back().at - first);
    for (const Event& event : sensor.events) {
      if (span <= 0) continue;
      ++found_.events;
      found_.position_sum += std::clamp(static_cast<double>(event.from - first) / span, 0.0, 1.0);
    }
  }

  Detectability found_;
  std::map<RowKey, PerDetector> rows_;
  std::vector<Label> labels_;  // of the sensor that is looked at
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
  Looker looker;
  for (std::size_t partition = 0; partition < truth.partitions(); ++partition) {
    for (const SensorTruth& sensor : truth.read(partition))
      looker.look_at(sensor, truth.schema_of(sensor.sensor));
  }
  Detectability found = looker.result();
  if (found.sensors == 0) return std::nullopt;
  return found;
}

}  // namespace fleet_sim::score
