#include "export/labels.h"

#include <fmt/format.h>
#include <tbb/parallel_for.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <set>
#include <stdexcept>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/anomaly_types.h"
#include "base/json_writer.h"
#include "base/plain_text.h"
#include "format/pieces.h"

namespace fleet_sim::exports {
namespace {

constexpr Timestamp never = std::numeric_limits<Timestamp>::min();

Timestamp moment_of(const tables::Statement& row, int column, const data::SourceShard& shard) {
  if (const auto at = parse_timestamp(row.text(column))) return *at;
  throw std::runtime_error(shard.file.string() + ": anomaly_events has " + in_quotes(row.text(column)) +
                           " where a time should be");
}

// ---- ends of events that have none ----

// The last readings of a shard, per run.
class LastReadings {
 public:
  // Of all sensors together, and of each that has an event without an end.
  LastReadings(tables::Database& database, const data::SourceShard& shard);

  [[nodiscard]] Timestamp end_of(const std::string& sensor, const Label& open) const;

 private:
  using PerRun = std::vector<Timestamp>;

  [[nodiscard]] std::size_t run_at(Timestamp at) const {
    return static_cast<std::size_t>(std::ranges::upper_bound(starts_, at) - starts_.begin());
  }

  std::vector<Timestamp> starts_;  // of all runs, sorted; what is before the first counts as a run
  PerRun shard_;
  std::map<std::string, PerRun, std::less<>> sensors_;
};

// The readings with which events begin that had begun before their run did: no label lies before the data.
class FirstReadings {
 public:
  // Of the events that have a run's start within them.
  FirstReadings(tables::Database& database, const data::SourceShard& shard, const Labels& labels,
                const std::vector<Timestamp>& starts);

  // The label, from its first reading on.
  [[nodiscard]] Label cut(const std::string& sensor, Label label) const;

 private:
  [[nodiscard]] std::optional<Timestamp> start_within(const Label& label) const;

  const std::vector<Timestamp>& starts_;
  std::map<std::string, std::map<Timestamp, Timestamp>, std::less<>> firsts_;  // by the start of the event
};

// When each reading was due: its timestamp may be off where delivery is on.
std::string dues_sql(const data::SourceShard& shard) {
  return fmt::format("SELECT id, {}, sensor_id FROM sensor_readings",
                     shard.schema.has_delivery() ? "coalesce(due, timestamp)" : "timestamp");
}

std::vector<Timestamp> starts_of_runs(tables::Database& database, const data::SourceShard& shard) {
  std::vector<Timestamp> starts;
  if (!data::has_table(database, "run_info", shard.file)) return starts;
  for (const tables::RunInfo& run : data::read_runs(database, shard.file)) starts.push_back(run.start);
  std::ranges::sort(starts);
  return starts;
}

LastReadings::LastReadings(tables::Database& database, const data::SourceShard& shard)
    : starts_(starts_of_runs(database, shard)), shard_(starts_.size() + 1, never) {
  tables::Statement open = data::prepare_query(
      database, "SELECT DISTINCT sensor_id FROM anomaly_events WHERE ended_at IS NULL", shard.file);
  while (data::next_row(open, database, shard.file)) sensors_.emplace(open.text(0), shard_);
  if (sensors_.empty()) return;
  tables::Statement row = data::prepare_query(database, dues_sql(shard), shard.file);
  TimestampReader reader;
  while (data::next_row(row, database, shard.file)) {
    const Timestamp at = data::moment_of_reading(row, reader, shard);
    const std::size_t run = run_at(at);
    shard_[run] = std::max(shard_[run], at);
    const auto sensor = sensors_.find(row.text(2));
    if (sensor != sensors_.end()) sensor->second[run] = std::max(sensor->second[run], at);
  }
}

// The first after the event's beginning.
std::optional<Timestamp> FirstReadings::start_within(const Label& label) const {
  const auto after = std::ranges::upper_bound(starts_, label.start);
  if (after == starts_.end() || *after > label.end) return std::nullopt;
  return *after;
}

FirstReadings::FirstReadings(tables::Database& database, const data::SourceShard& shard, const Labels& labels,
                             const std::vector<Timestamp>& starts)
    : starts_(starts) {
  std::map<std::string, std::vector<Label>, std::less<>> early;
  for (const auto& [sensor, of_sensor] : labels) {
    for (const Label& label : of_sensor) {
      if (start_within(label) && !takes_rows(anomaly_type_of(label.type))) early[sensor].push_back(label);
    }
  }
  if (early.empty()) return;
  tables::Statement row = data::prepare_query(database, dues_sql(shard), shard.file);
  TimestampReader reader;
  while (data::next_row(row, database, shard.file)) {
    const auto sensor = early.find(row.text(2));
    if (sensor == early.end()) continue;
    const Timestamp at = data::moment_of_reading(row, reader, shard);
    for (const Label& label : sensor->second) {
      if (at < label.start || at > label.end) continue;
      Timestamp& first = firsts_[sensor->first].try_emplace(label.start, at).first->second;
      first = std::min(first, at);
    }
  }
}

Label FirstReadings::cut(const std::string& sensor, Label label) const {
  const std::optional<Timestamp> start = start_within(label);
  if (!start) return label;
  const auto of_sensor = firsts_.find(sensor);
  if (of_sensor == firsts_.end() || !of_sensor->second.contains(label.start)) {
    label.start = *start;  // without a reading
  } else {
    label.start = of_sensor->second.at(label.start);
  }
  return label;
}

Timestamp LastReadings::end_of(const std::string& sensor, const Label& open) const {
  const PerRun& of_sensor = sensors_.at(sensor);
  const auto type = anomaly_type_of(open.type);
  const PerRun& last = takes_rows(type) ? shard_ : of_sensor;
  const auto run = std::ranges::find_if(last, [&](Timestamp at) { return at >= open.start; });
  if (run == last.end()) return open.start;
  // The sensor reads again: its gap was at the end of a run before.
  const auto number = static_cast<std::size_t>(run - last.begin());
  const bool leaves_no_rows = type && takes_all_rows(*type);
  if (leaves_no_rows && of_sensor[number] >= open.start) return open.start;
  // One that has failed may be silent since.
  return open.fails_at && *run < *open.fails_at ? std::max(*run, shard_[number]) : *run;
}

// ---- the events of a shard ----

std::string json_number(const tables::Statement& row, int column) {
  if (row.type(column) == SQLITE_INTEGER) return std::to_string(row.integer(column));
  const bool is_number = row.type(column) == SQLITE_FLOAT && std::isfinite(row.real(column));
  return is_number ? fmt::format("{}", row.real(column)) : "null";
}

Labels labels_of(const data::SourceShard& shard, const std::set<data::Place>& places) {
  Labels labels;
  for (const data::Place& place : places) labels[place.first];
  if (!shard.has_events || labels.empty()) return labels;
  tables::Database database = data::open(shard);
  const LastReadings last(database, shard);
  tables::Statement row =
      data::prepare_query(database,
                          "SELECT sensor_id, started_at, ended_at, anomaly_type, channel, direction, "
                          "magnitude, severity, sigma, cause, scenario, fails_at FROM anomaly_events",
                          shard.file);
  while (data::next_row(row, database, shard.file)) {
    const auto of_sensor = labels.find(std::string(row.text(0)));
    if (of_sensor == labels.end()) continue;
    Label label{moment_of(row, 1, shard),
                0,
                std::string(row.text(3)),
                std::string(row.text(4)),
                json_number(row, 5),
                json_number(row, 6),
                json_number(row, 7),
                json_number(row, 8),
                std::string(row.text(9)),
                std::string(row.text(10)),
                std::nullopt,
                std::string(row.text(2)),
                std::string(row.text(1))};
    if (row.type(11) != SQLITE_NULL) label.fails_at = moment_of(row, 11, shard);
    const bool is_open = row.type(2) == SQLITE_NULL;
    label.end = is_open ? last.end_of(of_sensor->first, label) : moment_of(row, 2, shard);
    of_sensor->second.push_back(std::move(label));
  }
  const std::vector<Timestamp> starts = starts_of_runs(database, shard);
  const FirstReadings first(database, shard, labels, starts);
  for (auto& [sensor, of_sensor] : labels) {
    for (Label& label : of_sensor) label = first.cut(sensor, std::move(label));
  }
  return labels;
}

// Cut to the time asked for; nothing for a label that lies outside.
std::optional<Label> cut(Label label, const data::Selection& selection) {
  if (label.end < selection.from || label.start >= selection.to) return std::nullopt;
  label.start = std::max(label.start, selection.from);
  label.end = std::min(label.end, selection.to - 1);
  return label;
}

// ---- json ----

std::string window_json(const Label& label) {
  std::string text;
  JsonWriter json(text, JsonLayout::spaced);
  json.begin('[');
  json.value(timestamp_text(label.start));
  json.value(timestamp_text(label.end));
  json.end(']');
  return text;
}

std::optional<std::string> unless_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

std::optional<std::string> time_text(const std::optional<Timestamp>& at) {
  return at ? std::optional<std::string>(timestamp_text(*at)) : std::nullopt;
}

std::string event_json(const Label& label) {
  std::string text;
  JsonWriter json(text, JsonLayout::spaced);
  json.object([&] {
    json.member("type", label.type);
    json.member("channel", unless_empty(label.channel));
    json.key("direction");
    json.put(label.direction);
    json.key("magnitude");
    json.put(label.magnitude);
    json.key("severity");
    json.put(label.severity);
    json.key("sigma");
    json.put(label.sigma);
    json.member("cause", label.cause);
    json.member("scenario", unless_empty(label.scenario));
    json.member("fails_at", time_text(label.fails_at));
    json.member("start", timestamp_text(label.start));
    json.member("end", timestamp_text(label.end));
  });
  return text;
}

// One label per line.
std::string json_of(const Labels& labels, std::string (*json_of_label)(const Label&)) {
  std::string text;
  JsonWriter json(text, JsonLayout::indented);
  json.object([&] {
    for (const auto& [sensor, of_sensor] : labels) {
      json.any_key(sensor);
      json.begin('[');
      for (const Label& label : of_sensor) json.put(json_of_label(label));
      json.end(']');
    }
  });
  json.end_line();
  return text;
}

// Leaves of a label on aging what comes from the failure on; true when that is nothing.
bool comes_before_failure(Label& label) {
  if (!label.fails_at) return false;
  label.start = std::max(label.start, *label.fails_at);
  return label.start > label.end;
}

}  // namespace

Labels read_labels(const std::vector<data::SourceShard>& shards, const data::Selection& selection) {
  const std::vector<std::set<data::Place>> places = data::find_places(shards, selection);
  std::vector<Labels> found(shards.size());
  tbb::parallel_for(std::size_t{0}, shards.size(),
                    [&](std::size_t i) { found[i] = labels_of(shards[i], places[i]); });
  Labels all;
  for (const Labels& labels : found) {
    for (const auto& [sensor, of_sensor] : labels) {
      std::vector<Label>& into = all[sensor];
      for (const Label& label : of_sensor) {
        if (auto kept = cut(label, selection)) into.push_back(std::move(*kept));
      }
    }
  }
  for (auto& [sensor, of_sensor] : all) {
    std::ranges::sort(of_sensor, {}, [](const Label& label) { return std::tie(label.start, label.end); });
  }
  return all;
}

std::string windows_json(const Labels& labels) {
  Labels flagged = labels;
  for (auto& [sensor, of_sensor] : flagged) std::erase_if(of_sensor, comes_before_failure);
  return json_of(flagged, window_json);
}

std::string events_json(const Labels& labels) {
  return json_of(labels, event_json);
}

std::string life_csv(const Labels& labels) {
  std::string text = "sensor_id,aging,started_at,fails_at,ended_at\n";
  for (const auto& [sensor, of_sensor] : labels) {
    for (const Label& label : of_sensor) {
      if (!label.fails_at) continue;
      format::append_csv_text(text, sensor);
      text += ',';
      format::append_csv_text(text, label.scenario);
      text += fmt::format(",{},{},{}\n", label.started_at, timestamp_text(*label.fails_at), label.ended_at);
    }
  }
  return text;
}

}  // namespace fleet_sim::exports
