#include "score/truth.h"

#include <fmt/format.h>
#include <tbb/parallel_for.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "base/nearest.h"
#include "base/plain_text.h"
#include "base/random.h"

namespace fleet_sim::score {
namespace {

constexpr std::uint64_t readings_per_partition = 1'000'000;
constexpr std::uint64_t most_partitions = 1'024;
constexpr std::size_t rows_at_once = 4'096;

std::size_t partitions_for(const std::vector<data::SourceShard>& shards, std::uint64_t most_per_shard) {
  std::uint64_t rows = 0;
  for (const data::SourceShard& shard : shards) {
    rows += std::min(most_per_shard, data::most_readings_of(shard));
    if (rows / readings_per_partition >= most_partitions) return most_partitions;
  }
  return static_cast<std::size_t>(rows / readings_per_partition + 1);
}

std::string row_columns(const data::SourceShard& shard, bool with_values) {
  std::string columns = "id, timestamp, sensor_id, anomaly_flag, anomaly_type, firmware_version, model";
  if (with_values) {
    for (const types::ChannelColumn& channel : shard.schema.channels()) columns += ", " + channel.name;
  }
  return columns;
}

constexpr int first_channel = 7;

AnomalyType type_named(std::string_view name, const data::SourceShard& shard) {
  if (const auto type = anomaly_type_of(name)) return *type;
  throw std::runtime_error(
      fmt::format("{}: it has an anomaly of the unknown type {}", shard.file.string(), in_quotes(name)));
}

Timestamp moment_of(const tables::Statement& row, int column, const data::SourceShard& shard) {
  if (const auto at = parse_timestamp(row.text(column))) return *at;
  throw std::runtime_error(fmt::format("{}: anomaly_events has {} where a time should be",
                                       shard.file.string(), in_quotes(row.text(column))));
}

std::vector<Timestamp> starts_of_runs(tables::Database& database, const data::SourceShard& shard) {
  std::vector<Timestamp> starts;
  if (!data::has_table(database, "run_info", shard.file)) return starts;
  for (const tables::RunInfo& run : data::read_runs(database, shard.file)) starts.push_back(run.start);
  std::ranges::sort(starts);
  return starts;
}

void append(std::vector<std::byte>& bytes, const void* from, std::size_t size) {
  const auto* first = static_cast<const std::byte*>(from);
  bytes.insert(bytes.end(), first, first + size);
}

// Reads one record after the other out of bytes.
class Records {
 public:
  explicit Records(std::span<const std::byte> bytes) : rest_(bytes) {}

  [[nodiscard]] bool is_empty() const { return rest_.empty(); }
  void take(void* into, std::size_t size) {
    if (size > 0) std::memcpy(into, rest_.data(), size);
    rest_ = rest_.subspan(size);
  }

 private:
  std::span<const std::byte> rest_;
};

// Sorted by time, one for each moment: a file and its copy may both be among the sources.
void put_in_order(SensorTruth& sensor) {
  std::vector<Reading>& readings = sensor.readings;
  const bool rises = std::ranges::is_sorted(readings, std::ranges::less_equal{}, &Reading::at);
  if (rises) return;
  const std::size_t channels = sensor.channels();
  std::vector<std::size_t> order(readings.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return readings[i].at; });
  const auto same = [&](std::size_t a, std::size_t b) { return readings[a].at == readings[b].at; };
  order.erase(std::unique(order.begin(), order.end(), same), order.end());
  std::vector<Reading> sorted;
  std::vector<double> values;
  for (const std::size_t i : order) {
    sorted.push_back(readings[i]);
    const auto first = sensor.values.begin() + static_cast<std::ptrdiff_t>(i * channels);
    values.insert(values.end(), first, first + static_cast<std::ptrdiff_t>(channels));
  }
  readings = std::move(sorted);
  sensor.values = std::move(values);
}

}  // namespace

// Reads the rows and events of a shard; what it has read is added to the rest a few thousand rows at a time.
class Truth::ShardReader {
 public:
  ShardReader(Truth& truth, std::uint32_t shard, const Progress& progress)
      : truth_(truth), shard_(truth.shards_[shard]), number_(shard), progress_(progress) {}

  void read() {
    tables::Database database = data::open(shard_);
    if (shard_.has_readings) read_rows(database);
    if (shard_.has_events) read_events(database);
  }

 private:
  void read_rows(tables::Database& database) {
    const std::string from =
        "FROM sensor_readings WHERE true" + data::condition_of(truth_.options_.selection, 1);
    tables::Statement rows;
    check(database.prepare_visits(row_columns(shard_, truth_.options_.with_values), from, rows));
    data::bind(rows, truth_.options_.selection, 1);
    std::uint64_t left = truth_.options_.most_readings_per_shard;
    check(database.visit(rows, [&](const tables::VisitedRow& row) {
      take(row);
      return --left > 0;
    }));
    flush();
  }

  void take(const tables::VisitedRow& row) {
    const std::size_t channels = truth_.options_.with_values ? shard_.schema.channels().size() : 0;
    Reading reading{data::moment_of_reading(row, times_, shard_), sensor_of(row.text(2)),
                    traits_of(row.text(5), row.text(6)), std::nullopt, static_cast<std::uint16_t>(channels)};
    if (row.integer(3) != 0) reading.anomaly = type_named(row.text(4), shard_);
    rows_.push_back(reading);
    for (std::size_t c = 0; c < channels; ++c)
      values_.push_back(value_of(row, first_channel + static_cast<int>(c)));
    if (rows_.size() == rows_at_once) flush();
  }

  void check(const tables::StorageError& error) const {
    if (!error.ok()) data::fail(shard_.file, error);
  }

  static double value_of(const tables::VisitedRow& row, int column) {
    const bool is_number = row.type(column) == SQLITE_FLOAT || row.type(column) == SQLITE_INTEGER;
    return is_number ? row.real(column) : std::numeric_limits<double>::quiet_NaN();
  }

  void flush() {
    const std::lock_guard lock(truth_.mutex_);
    std::size_t value = 0;
    for (const Reading& reading : rows_) {
      record_.clear();
      append(record_, &reading, sizeof(reading));
      append(record_, values_.data() + value, reading.values * sizeof(double));
      value += reading.values;
      truth_.rows_.add(truth_.partition_of(reading.sensor), record_);
      ++truth_.sensors_[reading.sensor].readings;
    }
    truth_.readings_ += rows_.size();
    progress_(truth_.readings_);
    rows_.clear();
    values_.clear();
  }

  void read_events(tables::Database& database) {
    const std::vector<Timestamp> starts = starts_of_runs(database, shard_);
    data::Selection selection = truth_.options_.selection;
    selection.locations.clear();  // which events do not name
    tables::Statement row = data::prepare_query(
        database,
        "SELECT sensor_id, started_at, ended_at, anomaly_type, severity, cause, fails_at, channel FROM "
        "anomaly_events WHERE true" +
            data::condition_of(selection, 1),
        shard_.file);
    data::bind(row, selection, 1);
    std::vector<Event> events;
    while (data::next_row(row, database, shard_.file)) {
      Event event{moment_of(row, 1, shard_),
                  latest_timestamp,
                  std::numeric_limits<double>::quiet_NaN(),
                  sensor_of(row.text(0)),
                  type_named(row.text(3), shard_),
                  anomaly_cause_of(row.text(5)).value_or(AnomalyCause::drawn)};
      if (row.type(4) != SQLITE_NULL) event.severity = row.real(4);
      const auto next = std::ranges::upper_bound(starts, event.from);
      if (row.type(2) != SQLITE_NULL) {
        event.until = moment_of(row, 2, shard_);
      } else if (next != starts.end()) {
        event.until = *next - 1;
      }
      if (row.type(6) != SQLITE_NULL) event.from = std::max(event.from, moment_of(row, 6, shard_));
      if (const auto channel = shard_.schema.find_channel(row.text(7)))
        event.channel = static_cast<std::int8_t>(*channel);
      if (event.from <= event.until) events.push_back(event);
    }
    const std::lock_guard lock(truth_.mutex_);
    truth_.events_.insert(truth_.events_.end(), events.begin(), events.end());
  }

  std::uint32_t sensor_of(std::string_view id) {
    const auto known = sensors_.find(id);
    if (known != sensors_.end()) return known->second;
    const std::lock_guard lock(truth_.mutex_);
    const std::uint32_t number = truth_.number_of_sensor(id, number_);
    sensors_.emplace(id, number);
    return number;
  }

  // Rows in a row are of sensors with few different traits.
  std::uint32_t traits_of(std::string_view firmware, std::string_view model) {
    key_ = firmware;
    key_ += '\0';
    key_ += model;
    const auto known = traits_.find(key_);
    if (known != traits_.end()) return known->second;
    const std::lock_guard lock(truth_.mutex_);
    const std::uint32_t number = truth_.number_of_traits(firmware, model);
    traits_.emplace(key_, number);
    return number;
  }

  Truth& truth_;
  const data::SourceShard& shard_;
  std::uint32_t number_;
  const Progress& progress_;
  TimestampReader times_;
  std::vector<Reading> rows_;
  std::vector<double> values_;
  std::vector<std::byte> record_;
  Numbers sensors_;
  Numbers traits_;
  std::string key_;
};

Truth::Truth(const std::vector<data::SourceShard>& shards, const TruthOptions& options,
             const Progress& progress)
    : shards_(shards),
      options_(options),
      partitions_(partitions_for(shards, options.most_readings_per_shard)),
      rows_(partitions_) {
  tbb::parallel_for(std::size_t{0}, shards.size(), [&](std::size_t i) {
    ShardReader(*this, static_cast<std::uint32_t>(i), progress).read();
  });
  std::ranges::sort(events_, {}, [](const Event& event) {
    return std::tuple(event.sensor, event.from, event.until, event.type);
  });
}

std::uint32_t Truth::number_of_sensor(std::string_view id, std::uint32_t shard) {
  const auto [known, is_new] =
      numbers_.try_emplace(std::string(id), static_cast<std::uint32_t>(sensors_.size()));
  if (is_new)
    sensors_.push_back({&known->first, shard, static_cast<std::uint32_t>(hash_text(id) % partitions_)});
  return known->second;
}

std::uint32_t Truth::number_of_traits(std::string_view firmware, std::string_view model) {
  const std::string key = std::string(firmware) + '\0' + std::string(model);
  const auto [known, is_new] =
      numbers_of_traits_.try_emplace(key, static_cast<std::uint32_t>(traits_.size()));
  if (is_new) traits_.push_back({std::string(firmware), std::string(model)});
  return known->second;
}

std::optional<std::uint32_t> Truth::find(std::string_view sensor) const {
  const auto known = numbers_.find(sensor);
  return known == numbers_.end() ? std::nullopt : std::optional(known->second);
}

std::string Truth::nearest_sensor(std::string_view sensor) const {
  std::vector<std::string_view> candidates;
  for (const Sensor& one : sensors_) candidates.emplace_back(*one.id);
  return did_you_mean(sensor, candidates);
}

std::span<const Event> Truth::events_of(std::uint32_t sensor) const {
  const auto found = std::ranges::equal_range(events_, sensor, {}, &Event::sensor);
  return {found.begin(), found.end()};
}

std::vector<SensorTruth> Truth::read(std::size_t partition) const {
  std::vector<SensorTruth> found;
  std::vector<std::uint32_t> places(sensors_.size());
  for (std::uint32_t i = 0; i < sensors_.size(); ++i) {
    if (partition_of(i) == partition) found.push_back({i, {}, {}, {}});
  }
  std::ranges::sort(found, {},
                    [&](const SensorTruth& one) { return std::string_view(sensor_id(one.sensor)); });
  for (std::uint32_t i = 0; i < found.size(); ++i) {
    const std::span<const Event> events = events_of(found[i].sensor);
    found[i].events.assign(events.begin(), events.end());
    places[found[i].sensor] = i;
  }
  const std::vector<std::byte> bytes = rows_.read(partition);
  std::array<double, types::most_channels> values{};
  for (Records records(bytes); !records.is_empty();) {
    Reading reading;
    records.take(&reading, sizeof(reading));
    records.take(values.data(), reading.values * sizeof(double));
    SensorTruth& sensor = found[places[reading.sensor]];
    // Readings of other channels than the sensor's first ones have no values that can be compared.
    const std::size_t channels = sensor.readings.empty() ? reading.values : sensor.channels();
    if (sensor.readings.empty()) {
      const std::uint64_t expected = sensors_[reading.sensor].readings;
      sensor.readings.reserve(expected);
      sensor.values.reserve(expected * channels);
    }
    if (channels != reading.values) values.fill(std::numeric_limits<double>::quiet_NaN());
    sensor.readings.push_back(reading);
    sensor.values.insert(sensor.values.end(), values.begin(),
                         values.begin() + static_cast<std::ptrdiff_t>(channels));
  }
  for (SensorTruth& sensor : found) put_in_order(sensor);
  return found;
}

}  // namespace fleet_sim::score
