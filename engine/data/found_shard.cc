#include "data/found_shard.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <stdexcept>

#include "base/cadence.h"
#include "base/plain_text.h"
#include "tables/deliveries.h"

namespace fleet_sim::data {
namespace {

constexpr int first_value = 4;  // column of select_found_readings

std::string select_found_readings(const types::Schema& schema) {
  std::string columns = schema.has_delivery() ? "due, sensor_id, anomaly_type, arrived_at"
                                              : "timestamp, sensor_id, anomaly_type, timestamp";
  for (const types::ChannelColumn& channel : schema.channels()) columns += fmt::format(", {}", channel.name);
  return fmt::format("SELECT {} FROM sensor_readings WHERE id >= ?1 ORDER BY id DESC", columns);
}

// How long an injected one lasts was noted beside it, unless an earlier version wrote it, which drew that.
constexpr std::string_view select_found_events =
    "SELECT started_at, sensor_id, anomaly_type, cause, channel, severity, {}, ended_at FROM anomaly_events "
    "WHERE id >= ?1 ORDER BY id";
constexpr std::string_view select_duration =
    "(SELECT duration FROM injected_anomalies WHERE event_id = anomaly_events.id)";

// A time or an anomaly that is none cannot be ours.
template <class T>
T required(const std::optional<T>& value, const tables::Statement& row, int column,
           const std::filesystem::path& file) {
  if (value) return *value;
  throw std::runtime_error(fmt::format("{}: contains {}, which fleet-sim never writes", file.string(),
                                       in_quotes(row.text(column))));
}

bool notes_durations(tables::Database& shard, const std::filesystem::path& file) {
  tables::Statement row = prepare_query(
      shard, "SELECT 1 FROM pragma_table_info('injected_anomalies') WHERE name = 'duration'", file);
  return next_row(row, shard, file);
}

// Within the bounds of its type.
std::optional<double> severity_in(const tables::Statement& row, AnomalyType type) {
  const std::optional<UsualSeverity>& usual = anomaly_types[index_of(type)].severity;
  const double severity = row.real(5);
  const bool fits = usual && severity >= usual->bounds.min && severity <= usual->bounds.max;
  return fits ? std::optional(severity) : std::nullopt;
}

std::optional<Microseconds> duration_in(const tables::Statement& row) {
  const Microseconds duration = row.integer(6);
  const bool fits = duration > 0 && duration <= latest_timestamp;
  return fits ? std::optional(duration) : std::nullopt;
}

// What the row of an injected one says was so, whether it was asked for or drawn. Others are drawn again.
model::AnomalyRequest request_in(const tables::Statement& row, const types::Schema& schema,
                                 const std::filesystem::path& file) {
  model::AnomalyRequest request{.type = required(anomaly_type_of(row.text(2)), row, 2, file)};
  request.cause = required(anomaly_cause_of(row.text(3)), row, 3, file);
  if (request.cause != AnomalyCause::injected) return request;
  if (row.type(4) != SQLITE_NULL)
    request.channel = Channel(required(schema.find_channel(row.text(4)), row, 4, file));
  if (row.type(5) != SQLITE_NULL) request.severity = required(severity_in(row, request.type), row, 5, file);
  if (row.type(6) != SQLITE_NULL) request.duration = required(duration_in(row), row, 6, file);
  return request;
}

Timestamp timestamp_in(const tables::Statement& row, int column, const std::filesystem::path& file) {
  return required(parse_timestamp(row.text(column)), row, column, file);
}

}  // namespace

void FoundShard::sort_event(const BegunBefore& event, Timestamp ended_at, Timestamp start, Timestamp moment,
                            std::vector<BegunBefore>& begun) {
  const AnomalyType type = event.request.type;
  note_truth(event.started_at);
  // Its last readings may have no rows.
  const bool has_all_rows = anomaly_types[index_of(type)].rows == AffectedRows::kept;
  if (!has_all_rows && ended_at != latest_timestamp) note_truth(ended_at);
  if (ended_at >= moment && ended_at != latest_timestamp) rows_.add_ended(event.sensor, event.started_at);
  if (type == AnomalyType::aging) {
    if (ended_at >= moment) agings_.push_back({event.sensor, event.started_at});
    return;
  }
  // Those of the steady start begin before the run and show with their sensor's first reading.
  if (event.started_at >= moment || event.started_at < start) rows_.add_event(event.sensor, event.started_at);
  if (event.started_at < moment) {
    begun.push_back(event);
  } else if (event.request.cause == AnomalyCause::injected) {
    injected_since_.push_back(event);
  }
}

void FoundShard::sort_delivery(const Delivered& one, Timestamp moment, std::vector<Underway>& seats) {
  note_truth(one.due);
  if (one.kind == batch::Delivery::Kind::drained && one.arrived_at) note_truth(*one.arrived_at);
  if (one.due >= moment) {
    rows_.add_delivery(one.sensor, one.due, one.sequence, one.kind);
  } else if (one.kind == batch::Delivery::Kind::late) {
    seats.push_back({one.sensor, one.kind, one.due, one.arrived_at.value_or(latest_timestamp)});
  }
}

void FoundShard::sort_fleet_event(std::uint32_t sensor, Timestamp started_at, std::string_view name) {
  note_truth(started_at);
  rows_.add_fleet_event(sensor, started_at, name);
}

void FoundShard::Arrivals::add(const Delivered& one) {
  using Kind = batch::Delivery::Kind;
  const auto& [sensor, kind, due, arrived_at, sequence] = one;
  const Timestamp arrives_at = arrived_at.value_or(latest_timestamp);
  if (kind == Kind::late && arrives_at >= moment_) underway_.push_back({sensor, kind, due, arrives_at});
  if (kind != Kind::hold && kind != Kind::drained) return;
  const auto hold = holds_.find(sensor);
  if (kind == Kind::hold) {
    // One that has not been drained was given up.
    if (hold != holds_.end()) underway_.push_back({sensor, kind, hold->second, latest_timestamp});
    holds_[sensor] = due;
  } else if (hold != holds_.end()) {
    if (arrives_at >= moment_) {
      underway_.push_back({sensor, Kind::hold, hold->second, arrives_at});
    } else {
      note_over({hold->second, arrives_at});
    }
    holds_.erase(hold);
  }
}

// Together with those that it meets.
void FoundShard::Arrivals::note_over(Held hold) {
  auto next = over_.upper_bound(hold.due);
  if (next != over_.begin() && std::prev(next)->second >= hold.due) --next;
  while (next != over_.end() && next->first <= hold.arrived_at) {
    hold = {std::min(hold.due, next->first), std::max(hold.arrived_at, next->second)};
    next = over_.erase(next);
  }
  over_.emplace(hold.due, hold.arrived_at);
}

FoundShard::Waiting FoundShard::Arrivals::take() && {
  for (const auto& [sensor, due] : holds_)
    underway_.push_back({sensor, batch::Delivery::Kind::hold, due, latest_timestamp});
  Waiting waiting{std::move(underway_), {}};
  for (const auto& [due, arrived_at] : over_) waiting.holds.push_back({due, arrived_at});
  return waiting;
}

FoundFile::FoundFile(const std::filesystem::path& file, const std::string& run_id,
                     const FindSensor& find_sensor, write::FoundRows::SensorOf sensor_of)
    : FoundShard(write::FoundRows(std::move(sensor_of))), file_(file) {
  if (!std::filesystem::exists(file)) return;
  tables::Database shard = open_shard(file);
  for (RecordedRun& run : read_runs(shard, file)) {
    if (run.run_id == run_id) run_ = std::move(run);
  }
  if (!run_) return;
  check(read_last_ids(shard, last_ids_));
  read_readings(shard, find_sensor);
}

// Backwards, until no earlier row can lie in the last second.
void FoundFile::read_readings(tables::Database& shard, const FindSensor& find_sensor) {
  const types::Schema schema = read_schema(shard, file_);
  tables::Statement row = prepare_query(shard, select_found_readings(schema), file_);
  batch::Values values(schema.channels().size());
  row.bind(1, run_->first_reading_id);
  while (next_row(row, shard, file_)) {
    const auto sensor = find_sensor(row.text(1));
    if (!sensor) continue;
    const Timestamp due = timestamp_in(row, 0, file_);
    const Timestamp arrived_at = timestamp_in(row, 3, file_);
    if (arrived_at < rows_.last() - 2 * longest_window) break;
    for (std::size_t c = 0; c < values.size(); ++c) values[c] = row.real(first_value + static_cast<int>(c));
    rows_.add(*sensor, due, arrived_at, values, row.text(2));
  }
  rows_.keep_last_second();
}

void FoundFile::read_fleet_events(Timestamp moment, const FindSensor& find_sensor) {
  if (!run_) return;
  tables::Database shard = open_shard(file_);
  if (!has_table(shard, "fleet_events", file_)) return;
  tables::Statement row = prepare_query(
      shard, "SELECT started_at, sensor_id, name FROM fleet_events WHERE started_at >= ?1 AND run_id = ?2",
      file_);
  const std::string since = timestamp_text(moment);
  row.bind(1, since);
  row.bind(2, run_->run_id);
  while (next_row(row, shard, file_)) {
    const auto sensor = find_sensor(row.text(1));
    if (sensor) sort_fleet_event(*sensor, timestamp_in(row, 0, file_), row.text(2));
  }
}

void FoundFile::check(const tables::StorageError& error) const {
  if (!error.ok())
    throw std::runtime_error(fmt::format("{}: cannot be read: {}", file_.string(), error.message));
}

FoundShard::Waiting FoundFile::read_waiting(Timestamp moment, const FindSensor& find_sensor) {
  if (!run_) return {};
  Arrivals arrivals(moment);
  tables::Database shard = open_shard(file_);
  check(tables::read_waiting(shard, run_->run_id, moment, [&](const tables::FoundDelivery& one) {
    if (const auto sensor = find_sensor(one.sensor_id))
      arrivals.add({*sensor, one.kind, one.due, one.arrived_at, one.sequence});
  }));
  return std::move(arrivals).take();
}

std::vector<FoundShard::Underway> FoundFile::read_deliveries(Timestamp moment,
                                                             const FindSensor& find_sensor) {
  if (!run_) return {};
  std::vector<Underway> seats;
  tables::Database shard = open_shard(file_);
  check(tables::read_deliveries_since(shard, run_->run_id, moment, [&](const tables::FoundDelivery& one) {
    if (const auto sensor = find_sensor(one.sensor_id))
      sort_delivery({*sensor, one.kind, one.due, one.arrived_at, one.sequence}, moment, seats);
  }));
  return seats;
}

std::vector<FoundShard::BegunBefore> FoundFile::read_events(Timestamp moment, const FindSensor& find_sensor) {
  std::vector<BegunBefore> begun;
  if (!run_) return begun;
  tables::Database shard = open_shard(file_);
  const types::Schema schema = read_schema(shard, file_);
  tables::Statement row = prepare_query(
      shard, fmt::format(select_found_events, notes_durations(shard, file_) ? select_duration : "NULL"),
      file_);
  row.bind(1, run_->first_event_id);
  while (next_row(row, shard, file_)) {
    const auto sensor = find_sensor(row.text(1));
    if (!sensor) continue;
    const Timestamp ended_at = row.type(7) == SQLITE_NULL ? latest_timestamp : timestamp_in(row, 7, file_);
    sort_event({*sensor, request_in(row, schema, file_), timestamp_in(row, 0, file_)}, ended_at, run_->start,
               moment, begun);
  }
  return begun;
}

}  // namespace fleet_sim::data
