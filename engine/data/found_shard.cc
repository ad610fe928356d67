#include "data/found_shard.h"

#include <stdexcept>

#include "base/cadence.h"
#include "base/plain_text.h"

namespace fleet_sim::data {
namespace {

constexpr int first_value = 3;  // column of select_found_readings

std::string select_found_readings(const batch::Schema& schema) {
  std::string columns = "timestamp, sensor_id, anomaly_type";
  for (const batch::ChannelColumn& channel : schema.channels()) columns += ", " + channel.name;
  return "SELECT " + columns + " FROM sensor_readings WHERE id >= ?1 ORDER BY id DESC";
}

constexpr std::string_view select_found_events =
    "SELECT started_at, sensor_id, anomaly_type FROM anomaly_events WHERE id >= ?1";

// A time or an anomaly that is none cannot be ours.
template <class T>
T required(const std::optional<T>& value, const sqlite::Statement& row, int column,
           const std::filesystem::path& file) {
  if (value) return *value;
  throw std::runtime_error(file.string() + ": holds " + in_quotes(row.text(column)) +
                           ", which no fleet-sim has written");
}

Timestamp timestamp_in(const sqlite::Statement& row, int column, const std::filesystem::path& file) {
  return required(parse_timestamp(row.text(column)), row, column, file);
}

}  // namespace

FoundShard::FoundShard(const std::filesystem::path& file, const std::string& run_id,
                       const FindSensor& find_sensor)
    : file_(file) {
  if (!std::filesystem::exists(file)) return;
  sqlite::Database shard = open_shard(file);
  for (RecordedRun& run : read_runs(shard, file)) {
    if (run.run_id == run_id) run_ = std::move(run);
  }
  if (!run_) return;
  if (const sqlite::StorageError error = read_last_ids(shard, last_ids_); !error.ok()) {
    throw std::runtime_error(file.string() + ": cannot be read: " + error.message);
  }
  read_readings(shard, find_sensor);
}

// Backwards, until no earlier row can lie in the last second.
void FoundShard::read_readings(sqlite::Database& shard, const FindSensor& find_sensor) {
  const batch::Schema schema = read_schema(shard, file_);
  sqlite::Statement row = prepare_query(shard, select_found_readings(schema), file_);
  batch::Values values(schema.channels().size());
  row.bind(1, run_->first_reading_id);
  while (next_row(row, shard, file_)) {
    const auto sensor = find_sensor(row.text(1));
    if (!sensor) continue;
    const Timestamp due = timestamp_in(row, 0, file_);
    if (due < rows_.last() - 2 * longest_window) break;
    for (std::size_t c = 0; c < values.size(); ++c) values[c] = row.real(first_value + static_cast<int>(c));
    rows_.add(*sensor, due, values, row.text(2));
  }
  rows_.keep_last_second();
}

std::vector<FoundShard::BegunBefore> FoundShard::read_events(Timestamp moment,
                                                             const FindSensor& find_sensor) {
  std::vector<BegunBefore> begun;
  if (!run_) return begun;
  sqlite::Database shard = open_shard(file_);
  sqlite::Statement row = prepare_query(shard, select_found_events, file_);
  row.bind(1, run_->first_event_id);
  while (next_row(row, shard, file_)) {
    const auto sensor = find_sensor(row.text(1));
    if (!sensor) continue;
    const Timestamp started_at = timestamp_in(row, 0, file_);
    // Those of the steady start begin before the run and show with their sensor's first reading.
    if (started_at >= moment || started_at < run_->start) rows_.add_event(*sensor, started_at);
    if (started_at >= moment) continue;
    begun.push_back({*sensor, required(anomaly_type_of(row.text(2)), row, 2, file_), started_at});
  }
  return begun;
}

}  // namespace fleet_sim::data
