#include "report/sensor_series.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <utility>

#include "base/cadence.h"
#include "data/data_directory.h"
#include "tables/database.h"

namespace fleet_sim::report {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t most_readings = 7'200;        // two hours at one per second
constexpr std::int64_t most_rows_read = 20'000'000;  // of all sensors that share the file
constexpr std::int64_t rows_between_looks = 16'384;
constexpr std::int64_t most_looks = 8'192;

constexpr std::string_view events_sql =
    "SELECT anomaly_type, channel, started_at, ended_at, readings_affected, severity, cause FROM "
    "anomaly_events "
    "WHERE sensor_id = ?1 ORDER BY started_at";
constexpr std::string_view look_sql =
    "SELECT timestamp FROM sensor_readings WHERE id >= ?1 ORDER BY id LIMIT 1";
std::string readings_sql(const std::vector<types::ChannelColumn>& channels) {
  std::string columns = "timestamp";
  for (const types::ChannelColumn& channel : channels) columns += ", " + channel.name;
  return "SELECT " + columns + " FROM sensor_readings WHERE id BETWEEN ?1 AND ?2 AND sensor_id = ?3";
}

Timestamp time_of(const tables::Statement& row, int column, const fs::path& file) {
  const auto at = parse_timestamp(row.text(column));
  if (!at) throw std::runtime_error(file.string() + ": holds an invalid time");
  return *at;
}

// How a shard's ids and times go together: looks at rows far apart.
struct Block {
  std::int64_t first_id;
  std::int64_t last_id;
  Timestamp earliest;
  Timestamp latest;
};

std::vector<Block> look_through(tables::Database& shard, const fs::path& file) {
  const auto ids = data::find_reading_ids(shard, file);
  if (!ids) return {};
  const auto [first, last] = *ids;
  const auto span = static_cast<std::uint64_t>(last) - static_cast<std::uint64_t>(first);
  const std::uint64_t step =
      std::max<std::uint64_t>(rows_between_looks, span / static_cast<std::uint64_t>(most_looks) + 1);
  tables::Statement look = data::prepare_query(shard, look_sql, file);
  const auto time_at = [&](std::int64_t id) {
    look.reset();
    look.bind(1, id);
    if (!data::next_row(look, shard, file)) throw std::runtime_error(file.string() + ": a row is gone");
    return time_of(look, 0, file);
  };
  std::vector<Block> blocks;
  Timestamp here = time_at(first);
  for (std::uint64_t offset = 0;; offset += step) {
    const std::uint64_t end = std::min(span - offset, step) + offset;
    const auto id_at = [&](std::uint64_t o) {
      return static_cast<std::int64_t>(static_cast<std::uint64_t>(first) + o);
    };
    const Timestamp there = time_at(id_at(end));
    blocks.push_back({id_at(offset), id_at(end), std::min(here, there) - longest_window,
                      std::max(here, there) + longest_window});
    here = there;
    if (end == span) return blocks;
  }
}

std::vector<SeriesAnomaly> read_anomalies(tables::Database& shard, const fs::path& file,
                                          const std::string& sensor_id) {
  if (!data::has_table(shard, "anomaly_events", file)) return {};
  tables::Statement row = data::prepare_query(shard, events_sql, file);
  row.bind(1, sensor_id);
  std::vector<SeriesAnomaly> anomalies;
  while (data::next_row(row, shard, file)) {
    const bool is_open = row.type(3) == SQLITE_NULL;
    anomalies.push_back({std::string(row.text(0)), std::string(row.text(1)), time_of(row, 2, file),
                         is_open ? latest_timestamp : time_of(row, 3, file),
                         static_cast<std::uint64_t>(row.integer(4)), is_open,
                         row.type(5) == SQLITE_NULL ? std::nullopt : std::optional(row.real(5)),
                         std::string(row.text(6))});
  }
  return anomalies;
}

// Counts types in a window that moves over the anomalies: two of each are as good as any number.
class Variety {
 public:
  void change(const SeriesAnomaly& anomaly, int by) {
    if (const auto type = anomaly_type_of(anomaly.type)) counts_[index_of(*type)] += by;
  }
  [[nodiscard]] int score() const {
    int score = 0;
    for (const int count : counts_) score += count == 0 ? 0 : 10 + std::min(count, 2);
    return score;
  }

 private:
  PerAnomalyType<int> counts_{};
};

// Where the window of this length sees the most varied anomalies: a little before the first of them.
Timestamp best_start(const std::vector<SeriesAnomaly>& anomalies, Microseconds length, Timestamp otherwise) {
  const Microseconds margin = length / 20;
  Variety variety;
  int best = 0;
  Timestamp start = otherwise;
  std::size_t end = 0;
  for (const SeriesAnomaly& first : anomalies) {
    while (end < anomalies.size() && anomalies[end].from < first.from + length - 2 * margin) {
      variety.change(anomalies[end++], 1);
    }
    if (variety.score() > best) {
      best = variety.score();
      start = first.from - margin;
    }
    variety.change(first, -1);
  }
  return start;
}

const ReportShard* find_shard(const Report& report, const std::string& file) {
  const auto shard = std::ranges::find(report.shards, file, &ReportShard::file);
  return shard != report.shards.end() && shard->range ? &*shard : nullptr;
}

// As long as most_readings of this sensor take, but no longer than most_rows_read of the whole shard do.
Microseconds window_length(const ReportShard& shard, Microseconds period) {
  const Microseconds span = std::max<Microseconds>(1, shard.range->last - shard.range->first);
  const double rows_per_microsecond = static_cast<double>(shard.readings) / static_cast<double>(span);
  const double affordable = static_cast<double>(most_rows_read) / rows_per_microsecond;
  return std::min({static_cast<Microseconds>(std::min(affordable, 1e17)),
                   most_readings * std::max<Microseconds>(1, period), span + period});
}

// From a row that begins with the time.
batch::Values values_of(const tables::Statement& row, std::size_t channels) {
  batch::Values values(channels);
  for (std::size_t c = 0; c < channels; ++c) values[c] = row.real(static_cast<int>(c) + 1);
  return values;
}

class SeriesReader {
 public:
  SeriesReader(const fs::path& file, const ReportShard& summary, const VariedSensor& sensor)
      : file_(file), summary_(summary), shard_(data::open_shard(file)) {
    series_.sensor = sensor;
    const types::Schema schema = data::read_schema(shard_, file_);
    series_.channels.assign(schema.channels().begin(), schema.channels().end());
  }

  SensorSeries read() {
    const std::vector<Block> blocks = look_through(shard_, file_);
    const auto anomalies = read_anomalies(shard_, file_, series_.sensor.sensor_id);
    const Microseconds length = window_length(summary_, series_.sensor.period);
    series_.from = std::clamp(best_start(anomalies, length, summary_.range->first), summary_.range->first,
                              std::max(summary_.range->first, summary_.range->last - length));
    series_.until = series_.from + length;
    read_window(blocks);
    for (const SeriesAnomaly& anomaly : anomalies) {
      const bool is_seen = anomaly.from < series_.until && anomaly.until >= series_.from;
      if (!is_seen || series_.anomalies.size() == SensorSeries::most_anomalies) continue;
      series_.anomalies.push_back(anomaly);
      series_.anomalies.back().from = std::max(anomaly.from, series_.from);
      series_.anomalies.back().until = std::min(anomaly.until, series_.until);
    }
    return std::move(series_);
  }

 private:
  void read_window(const std::vector<Block>& blocks) {
    std::vector<SeriesPoint> readings;
    for (const Block& block : blocks) {
      if (block.latest >= series_.from && block.earliest < series_.until) read_block(block, readings);
    }
    std::ranges::stable_sort(readings, {}, &SeriesPoint::at);
    // Two blocks share a row, and two runs may have left the same one.
    const auto twice = std::ranges::unique(readings, {}, &SeriesPoint::at);
    readings.erase(twice.begin(), twice.end());
    series_.readings = readings.size();
    series_.points = thinned(readings);
  }

  void read_block(const Block& block, std::vector<SeriesPoint>& readings) {
    tables::Statement row = data::prepare_query(shard_, readings_sql(series_.channels), file_);
    row.bind(1, block.first_id);
    row.bind(2, block.last_id);
    row.bind(3, series_.sensor.sensor_id);
    while (readings.size() < 2 * most_readings && data::next_row(row, shard_, file_)) {
      const Timestamp at = time_of(row, 0, file_);
      if (at < series_.from || at >= series_.until) continue;
      readings.push_back({at, values_of(row, series_.channels.size())});
    }
  }

  const fs::path& file_;
  const ReportShard& summary_;
  tables::Database shard_;
  SensorSeries series_;
};

// The extremes of readings [begin, end), as two points.
void add_extremes(const std::vector<SeriesPoint>& readings, std::size_t begin, std::size_t end,
                  std::vector<SeriesPoint>& points) {
  batch::Values low = *readings[begin].values;
  batch::Values high = low;
  for (std::size_t i = begin; i < end; ++i) {
    for (std::size_t c = 0; c < low.size(); ++c) {
      low[c] = std::min(low[c], (*readings[i].values)[c]);
      high[c] = std::max(high[c], (*readings[i].values)[c]);
    }
  }
  points.push_back({readings[begin].at, low});
  if (end - begin > 1) points.push_back({readings[end - 1].at, high});
}

}  // namespace

std::vector<SeriesPoint> thinned(const std::vector<SeriesPoint>& readings) {
  if (readings.empty()) return {};
  Microseconds period = std::numeric_limits<Microseconds>::max();
  for (std::size_t i = 1; i < readings.size(); ++i)
    period = std::min(period, readings[i].at - readings[i - 1].at);
  const bool all_fit = readings.size() <= SensorSeries::most_points;
  const std::size_t together =
      all_fit ? 1 : (2 * readings.size() + SensorSeries::most_points - 1) / SensorSeries::most_points;
  std::vector<SeriesPoint> points;
  for (std::size_t begin = 0; begin < readings.size();) {
    std::size_t end = begin + 1;
    const auto follows = [&](std::size_t i) {
      return readings[i].at - readings[i - 1].at <= period + period / 2;
    };
    while (end < readings.size() && end - begin < together && follows(end)) ++end;
    add_extremes(readings, begin, end, points);
    if (end < readings.size() && !follows(end))
      points.push_back({readings[end - 1].at + period, std::nullopt});
    begin = end;
  }
  return points;
}

std::vector<SensorSeries> read_series(const fs::path& directory, const Report& report) {
  std::vector<SensorSeries> all(report.varied.size());
  tbb::parallel_for(std::size_t{0}, all.size(), [&](std::size_t i) {
    const VariedSensor& sensor = report.varied[i];
    const fs::path file = directory / sensor.file;
    if (const ReportShard* shard = find_shard(report, sensor.file))
      all[i] = SeriesReader(file, *shard, sensor).read();
  });
  std::erase_if(all, [](const SensorSeries& series) { return series.points.empty(); });
  return all;
}

}  // namespace fleet_sim::report
