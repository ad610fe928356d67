#include "status/status_json.h"

#include <nlohmann/json.hpp>
#include <optional>

namespace fleet_sim {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

Json time_json(const std::optional<Timestamp>& at) {
  return at ? Json(timestamp_text(*at)) : Json();
}

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

// One member for each name.
template <class Names, class Values>
Json named(const Names& names, const Values& values) {
  Json json = Json::object();
  for (std::size_t i = 0; i < names.size(); ++i) json[std::string(names[i])] = values[i];
  return json;
}

Json run_json(const RunFacts& run) {
  return {{"run_id", run.run_id},
          {"seed", std::to_string(run.seed)},
          {"version", run.version},
          {"start", timestamp_text(run.start)},
          {"began_at", timestamp_text(run.began_at)},
          {"shard_by", run.shard_by},
          {"partition", run.partition},
          {"data_directory", run.data_directory},
          {"sink", run.sink},
          {"config_hash", run.config_hash}};
}

Json fleet_json(const Status& status) {
  return {{"sensors", status.now.sensors},
          {"threads", status.run.threads},
          {"writers", status.run.writers},
          {"speed", status.run.speed},
          {"readings_per_second", status.run.readings_per_second}};
}

Json progress_json(const Snapshot& now) {
  return {{"elapsed_seconds", now.elapsed_seconds},
          {"simulated_seconds", now.simulated_seconds.value_or(0)},
          {"simulated_total_seconds", or_null(now.simulated_total)}};
}

Json readings_json(const Status& status) {
  const Books& books = status.now.books;
  return {{"due", books.due},
          {"skipped", books.skipped},
          {"generated", books.generated},
          {"missing", books.missing},
          {"written", books.written},
          {"found", books.found},
          {"pending", books.pending()},
          {"lost", books.lost()},
          {"lost_by_reason", named(loss_reason_names, books.lost_by_reason)},
          {"written_per_second", status.written_per_second}};
}

Json percentiles_json(const Distribution& distribution) {
  return {{"count", distribution.count},
          {"p50", distribution.p50_seconds},
          {"p99", distribution.p99_seconds},
          {"max", distribution.max_seconds}};
}

Json reload_json(bool enabled, const ReloadHistory& reloads) {
  Json history = Json::array();
  for (const ReloadRecord& one : reloads.last) {
    history.push_back({{"at", timestamp_text(one.at)},
                       {"outcome", one.accepted ? "accepted" : "rejected"},
                       {"what", one.what},
                       {"detail", one.detail}});
  }
  return {{"enabled", enabled},
          {"accepted", reloads.accepted},
          {"rejected", reloads.rejected},
          {"history", history}};
}

Json row_json(const ShardRow& shard) {
  return {{"name", shard.name},
          {"file", shard.file},
          {"state", shard.state},
          {"rows_written", shard.rows_written},
          {"rows_waiting", shard.rows_waiting},
          {"bytes", shard.bytes},
          {"last_commit", time_json(shard.last_commit)},
          {"error", or_null(shard.error)}};
}

Json row_json(const SensorRow& sensor) {
  return {{"id", sensor.id},
          {"type", sensor.type},
          {"location", sensor.location},
          {"manufacturer", sensor.manufacturer},
          {"model", sensor.model},
          {"firmware_version", sensor.firmware_version},
          {"shard", sensor.shard}};
}

Json row_json(const ReadingRow& reading) {
  Json json{{"timestamp", timestamp_text(reading.due)}};
  const bool missing = reading.anomaly == AnomalyType::missing_data;
  for (std::size_t c = 0; c < channel_count; ++c) {
    json[std::string(channel_names[c])] = missing ? Json() : Json(reading.values[c]);
  }
  json["anomaly_type"] = reading.anomaly ? Json(name_of(*reading.anomaly)) : Json();
  return json;
}

// What a row of the events and the current anomaly of a sensor have in common.
void add_anomaly(Json& json, std::string_view type_key, const EventRow& event) {
  json[std::string(type_key)] = name_of(event.type);
  json["channel"] = event.channel ? Json(name_of(*event.channel)) : Json();
  json["direction"] = event.direction != 0 ? Json(event.direction) : Json();
  json["magnitude"] = or_null(event.magnitude);
  json["started_at"] = timestamp_text(event.started_at);
  json["ended_at"] = time_json(event.ended_at);
  json["injected"] = event.injected;
}

Json row_json(const EventRow& event) {
  Json json{{"sensor_id", event.sensor_id}};
  add_anomaly(json, "anomaly_type", event);
  return json;
}

template <class Rows>
Json rows_json(const Rows& rows) {
  Json json = Json::array();
  for (const auto& row : rows) json.push_back(row_json(row));
  return json;
}

template <class Row>
std::string page_json(const char* name, const Page<Row>& page) {
  return text_of({{name, rows_json(page.rows)},
                  {"next", page.next ? Json(std::to_string(*page.next)) : Json()},
                  {"total", page.total}});
}

}  // namespace

std::string status_json(const Status& status) {
  const Snapshot& now = status.now;
  Json json;
  json["run"] = run_json(status.run);
  json["state"] = status.draining ? "draining" : "running";
  json["healthy"] = status.healthy();
  json["reasons"] = status.reasons;
  json["fleet"] = fleet_json(status);
  json["progress"] = progress_json(now);
  json["readings"] = readings_json(status);
  json["anomalies"] = {{"total", now.books.anomalies},
                       {"by_type", named(anomaly_type_names, now.books.anomalies_by_type)}};
  json["lag_seconds"] = percentiles_json(status.lag);
  json["commit_seconds"] = percentiles_json(status.commit);
  json["queue"] = {{"batches", status.batches_in_use},
                   {"batches_limit", status.run.batches_limit},
                   {"rows", status.rows_waiting},
                   {"rows_limit", status.run.rows_limit}};
  json["shards"] = {{"total", now.shards},
                    {"healthy", now.shards - status.shards_retrying - status.shards_degraded},
                    {"retrying", status.shards_retrying},
                    {"degraded", status.shards_degraded},
                    {"files_written", now.files_written}};
  json["storage_bytes"] = status.storage_bytes;
  json["errors"] = named(error_class_names, status.now.errors);
  json["memory_bytes"] = status.memory_bytes;
  json["peak_memory_bytes"] = status.peak_memory_bytes;
  json["cpu_seconds"] = status.cpu_seconds;
  json["reload"] = reload_json(status.reloads, status.now.reloads);
  return text_of(json);
}

std::string health_json(const std::vector<std::string>& reasons) {
  Json json{{"healthy", reasons.empty()}};
  if (!reasons.empty()) json["reasons"] = reasons;
  return text_of(json);
}

std::string shards_json(const Page<ShardRow>& page) {
  return page_json("shards", page);
}

std::string sensors_json(const Page<SensorRow>& page) {
  return page_json("sensors", page);
}

std::string sensor_json(const SensorDetail& detail) {
  Json anomaly;
  if (detail.anomaly) add_anomaly(anomaly, "type", *detail.anomaly);
  return text_of({{"sensor", row_json(detail.sensor)},
                  {"effective", Json::parse(detail.effective)},
                  {"anomaly", anomaly},
                  {"readings", rows_json(detail.readings)}});
}

std::string events_json(const std::vector<EventRow>& events) {
  return text_of({{"events", rows_json(events)}});
}

std::string error_json(std::string_view error, std::string_view remedy) {
  Json json{{"error", error}};
  if (!remedy.empty()) json["remedy"] = remedy;
  return text_of(json);
}

}  // namespace fleet_sim
