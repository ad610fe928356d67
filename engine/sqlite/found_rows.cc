#include "sqlite/found_rows.h"

#include <algorithm>
#include <bit>
#include <span>
#include <string>

#include "base/cadence.h"
#include "base/plain_text.h"
#include "base/random.h"

namespace fleet_sim::sqlite {
namespace {

constexpr int first_value = 3;  // column of select_found_readings

std::string select_found_readings(const batch::Schema& schema) {
  std::string columns = "timestamp, sensor_id, anomaly_type";
  for (const batch::ChannelColumn& channel : schema.channels()) columns += ", " + channel.name;
  return "SELECT " + columns + " FROM sensor_readings WHERE id >= ?1 ORDER BY id DESC";
}

constexpr std::string_view select_found_events =
    "SELECT started_at, sensor_id, anomaly_type FROM anomaly_events WHERE id >= ?1";

std::uint64_t hash_of(std::span<const double> values, std::string_view anomaly) {
  std::uint64_t hash = hash_text(anomaly);
  for (const double value : values) hash = mix_words(hash, std::bit_cast<std::uint64_t>(value));
  return hash;
}

// A time or an anomaly that is none cannot be ours.
template <class T>
T required(const std::optional<T>& value, const Statement& row, int column,
           const std::filesystem::path& file) {
  if (value) return *value;
  throw std::runtime_error(file.string() + ": holds " + in_quotes(row.text(column)) +
                           ", which no fleet-sim has written");
}

Timestamp timestamp_in(const Statement& row, int column, const std::filesystem::path& file) {
  return required(parse_timestamp(row.text(column)), row, column, file);
}

}  // namespace

std::size_t HashRowKey::operator()(const RowKey& key) const {
  return mix_words(key.sensor, static_cast<std::uint64_t>(key.at));
}

FoundRows::FoundRows(const std::filesystem::path& file, const std::string& run_id,
                     const FindSensor& find_sensor)
    : file_(file), complete_until_(earliest_timestamp), last_(earliest_timestamp) {
  if (!std::filesystem::exists(file)) return;
  Database shard = open_shard(file);
  for (RecordedRun& run : read_runs(shard, file)) {
    if (run.run_id == run_id) run_ = std::move(run);
  }
  if (!run_) return;
  if (const StorageError error = read_last_ids(shard, last_ids_); !error.ok()) {
    throw std::runtime_error(file.string() + ": cannot be read: " + error.message);
  }
  read_readings(shard, find_sensor);
}

// Backwards, until no earlier row can lie in the last second.
void FoundRows::read_readings(Database& shard, const FindSensor& find_sensor) {
  const batch::Schema schema = read_schema(shard, file_);
  Statement row = prepare_query(shard, select_found_readings(schema), file_);
  batch::Values values(schema.channels().size());
  row.bind(1, run_->first_reading_id);
  while (next_row(row, shard, file_)) {
    const auto sensor = find_sensor(row.text(1));
    if (!sensor) continue;
    const Timestamp due = timestamp_in(row, 0, file_);
    if (due < last_ - 2 * longest_window) break;
    last_ = std::max(last_, due);
    for (std::size_t c = 0; c < values.size(); ++c) values[c] = row.real(first_value + static_cast<int>(c));
    readings_[{*sensor, due}] = hash_of(values, row.text(2));
  }
  if (readings_.empty()) return;
  complete_until_ = last_ - longest_window;
  std::erase_if(readings_, [this](const auto& entry) { return entry.first.at < complete_until_; });
}

std::vector<FoundRows::BegunBefore> FoundRows::read_events(Timestamp moment, const FindSensor& find_sensor) {
  std::vector<BegunBefore> begun;
  if (!run_) return begun;
  Database shard = open_shard(file_);
  Statement row = prepare_query(shard, select_found_events, file_);
  row.bind(1, run_->first_event_id);
  while (next_row(row, shard, file_)) {
    const auto sensor = find_sensor(row.text(1));
    if (!sensor) continue;
    const Timestamp started_at = timestamp_in(row, 0, file_);
    // Those of the steady start begin before the run and show with their sensor's first reading.
    if (started_at >= moment || started_at < run_->start) events_.insert({*sensor, started_at});
    if (started_at >= moment) continue;
    begun.push_back({*sensor, required(anomaly_type_of(row.text(2)), row, 2, file_), started_at});
  }
  return begun;
}

bool FoundRows::has_reading(std::uint32_t sensor, Timestamp due) const {
  return due < complete_until_ || readings_.contains({sensor, due});
}

FoundRows::Verdict FoundRows::judge(const batch::Row& reading) const {
  if (reading.due < complete_until_) return Verdict::present;
  if (reading.due > last_) return Verdict::absent;
  const auto found = readings_.find({reading.sensor, reading.due});
  if (found == readings_.end()) return Verdict::absent;
  const std::string_view anomaly = reading.anomaly ? name_of(*reading.anomaly) : std::string_view();
  return found->second == hash_of(reading.values, anomaly) ? Verdict::present : Verdict::different;
}

bool FoundRows::has_event(const batch::AnomalyEvent& event) const {
  return events_.contains({event.sensor, event.started_at});
}

}  // namespace fleet_sim::sqlite
