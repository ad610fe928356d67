#include "status/status_json.h"

#include <optional>

#include "base/json_writer.h"

namespace fleet_sim::status {
namespace {

// A line that holds one object; `members` writes them.
template <class Members>
std::string line_of(const Members& members) {
  std::string text;
  JsonWriter json(text);
  json.object([&] { members(json); });
  json.end_line();
  return text;
}

std::optional<std::string> time_text(const std::optional<Timestamp>& at) {
  return at ? std::optional(timestamp_text(*at)) : std::nullopt;
}

// One member for each name.
template <class Names, class Values>
void add_named(JsonWriter& json, std::string_view name, const Names& names, const Values& values) {
  json.object(name, [&] {
    for (std::size_t i = 0; i < names.size(); ++i) json.member(names[i], values[i]);
  });
}

void add_run(JsonWriter& json, const RunFacts& run) {
  json.object("run", [&] {
    json.member("run_id", run.run_id);
    json.member("seed", std::to_string(run.seed));
    json.member("version", run.version);
    json.member("start", timestamp_text(run.start));
    json.member("began_at", timestamp_text(run.began_at));
    json.member("shard_by", run.shard_by);
    json.member("partition", run.partition);
    json.member("data_directory", run.data_directory);
    json.member("sink", run.sink);
    json.member("config_hash", run.config_hash);
  });
}

void add_state(JsonWriter& json, const Status& status) {
  json.member("state", status.draining ? "draining" : "running");
  json.member("healthy", status.healthy());
  json.array("reasons", status.reasons);
}

void add_fleet(JsonWriter& json, const Status& status) {
  json.object("fleet", [&] {
    json.member("sensors", status.now.sensors);
    json.member("threads", status.run.threads);
    json.member("writers", status.run.writers);
    json.member("speed", status.run.speed);
    json.member("readings_per_second", status.run.readings_per_second);
  });
}

void add_progress(JsonWriter& json, const Snapshot& now) {
  json.object("progress", [&] {
    json.member("elapsed_seconds", now.elapsed_seconds);
    json.member("simulated_seconds", now.simulated_seconds.value_or(0));
    json.member("simulated_total_seconds", now.simulated_total);
  });
}

void add_readings(JsonWriter& json, const Status& status) {
  const Books& books = status.now.books;
  json.object("readings", [&] {
    json.member("due", books.due);
    json.member("skipped", books.skipped);
    json.member("generated", books.generated);
    json.member("missing", books.missing);
    json.member("written", books.written);
    json.member("found", books.found);
    json.member("pending", books.pending());
    json.member("lost", books.lost());
    add_named(json, "lost_by_reason", loss_reason_names, books.lost_by_reason);
    json.member("written_per_second", status.written_per_second);
  });
}

void add_anomalies(JsonWriter& json, const Books& books) {
  json.object("anomalies", [&] {
    json.member("total", books.anomalies);
    add_named(json, "by_type", anomaly_type_names, books.anomalies_by_type);
  });
}

// Of nothing there are no percentiles.
void add_percentiles(JsonWriter& json, std::string_view name, const Distribution& distribution) {
  const auto told = [&](double seconds) {
    return distribution.count > 0 ? std::optional(seconds) : std::nullopt;
  };
  json.object(name, [&] {
    json.member("count", distribution.count);
    json.member("p50", told(distribution.p50_seconds));
    json.member("p99", told(distribution.p99_seconds));
    json.member("max", told(distribution.max_seconds));
  });
}

void add_recent(JsonWriter& json, const Status& status) {
  json.object("recent", [&] {
    json.member("span_seconds", status.recent_seconds);
    add_percentiles(json, "lag_seconds", status.recent_lag);
    add_percentiles(json, "commit_seconds", status.recent_commit);
  });
}

void add_queue(JsonWriter& json, const Status& status) {
  json.object("queue", [&] {
    json.member("batches", status.batches_in_use);
    json.member("batches_limit", status.run.batches_limit);
    json.member("rows", status.rows_waiting);
    json.member("rows_limit", status.run.rows_limit);
  });
}

void add_shard_counts(JsonWriter& json, const Status& status) {
  json.object("shards", [&] {
    json.member("total", status.now.shards);
    json.member("healthy", status.now.shards - status.shards_retrying - status.shards_degraded);
    json.member("retrying", status.shards_retrying);
    json.member("degraded", status.shards_degraded);
    json.member("files_written", status.now.files_written);
  });
}

void add_deleted(JsonWriter& json, const Snapshot& now) {
  json.object("deleted", [&] {
    json.member("readings", now.readings_deleted);
    json.member("events", now.events_deleted);
  });
}

void add_process(JsonWriter& json, const Status& status) {
  json.member("storage_bytes", status.storage_bytes);
  add_named(json, "errors", error_class_names, status.now.errors);
  json.member("memory_bytes", status.memory_bytes);
  json.member("peak_memory_bytes", status.peak_memory_bytes);
  json.member("cpu_seconds", status.cpu_seconds);
}

void add_row(JsonWriter& json, const ReloadRecord& reload) {
  json.begin('{');
  json.member("at", timestamp_text(reload.at));
  json.member("outcome", reload.accepted ? "accepted" : "rejected");
  json.member("what", reload.what);
  json.member("detail", reload.detail);
  json.end('}');
}

void add_row(JsonWriter& json, const ShardRow& shard) {
  json.begin('{');
  json.member("name", shard.name);
  json.member("file", shard.file);
  json.member("state", shard.state);
  json.member("rows_written", shard.rows_written);
  json.member("rows_waiting", shard.rows_waiting);
  json.member("bytes", shard.bytes);
  json.member("last_commit", time_text(shard.last_commit));
  json.member("error", shard.error);
  json.end('}');
}

void add_row(JsonWriter& json, const SensorRow& sensor) {
  json.begin('{');
  json.member("id", sensor.id);
  json.member("type", sensor.type);
  json.member("location", sensor.location);
  json.member("manufacturer", sensor.manufacturer);
  json.member("model", sensor.model);
  json.member("firmware_version", sensor.firmware_version);
  json.member("shard", sensor.shard);
  json.end('}');
}

std::optional<std::string_view> channel_name(const std::optional<Channel>& channel) {
  return channel ? std::optional(name_of(*channel)) : std::nullopt;
}

void add_row(JsonWriter& json, const ReadingRow& reading) {
  json.begin('{');
  json.member("timestamp", timestamp_text(reading.due));
  const bool missing = reading.anomaly == AnomalyType::missing_data;
  for (std::size_t c = 0; c < channel_count; ++c) {
    json.member(channel_names[c], missing ? std::nullopt : std::optional(reading.values[c]));
  }
  json.member("anomaly_type", reading.anomaly ? std::optional(name_of(*reading.anomaly)) : std::nullopt);
  json.member("channel", channel_name(reading.channel));
  json.end('}');
}

// What a row of the events and the current anomaly of a sensor have in common.
void add_anomaly(JsonWriter& json, std::string_view type_key, const EventRow& event) {
  json.member(type_key, name_of(event.type));
  json.member("channel", channel_name(event.channel));
  json.member("direction", event.direction != 0 ? std::optional(event.direction) : std::nullopt);
  json.member("magnitude", event.magnitude);
  json.member("started_at", timestamp_text(event.started_at));
  json.member("ended_at", time_text(event.ended_at));
  json.member("injected", event.injected);
}

void add_row(JsonWriter& json, const EventRow& event) {
  json.begin('{');
  json.member("sensor_id", event.sensor_id);
  add_anomaly(json, "anomaly_type", event);
  json.end('}');
}

template <class Rows>
void add_rows(JsonWriter& json, std::string_view name, const Rows& rows) {
  json.array(name, rows, [&](const auto& row) { add_row(json, row); });
}

void add_reloads(JsonWriter& json, bool enabled, const ReloadHistory& reloads) {
  json.object("reload", [&] {
    json.member("enabled", enabled);
    json.member("accepted", reloads.accepted);
    json.member("rejected", reloads.rejected);
    add_rows(json, "history", reloads.last);
  });
}

template <class Row>
std::string page_json(std::string_view name, const Page<Row>& page) {
  return line_of([&](JsonWriter& json) {
    add_rows(json, name, page.rows);
    json.member("next", page.next ? std::optional(std::to_string(*page.next)) : std::nullopt);
    json.member("total", page.total);
  });
}

}  // namespace

std::string status_json(const Status& status) {
  return line_of([&](JsonWriter& json) {
    add_run(json, status.run);
    add_state(json, status);
    add_fleet(json, status);
    add_progress(json, status.now);
    add_readings(json, status);
    add_anomalies(json, status.now.books);
    add_percentiles(json, "lag_seconds", status.lag);
    add_percentiles(json, "commit_seconds", status.commit);
    add_recent(json, status);
    add_queue(json, status);
    add_shard_counts(json, status);
    add_deleted(json, status.now);
    add_process(json, status);
    add_reloads(json, status.reloads, status.now.reloads);
  });
}

std::string health_json(const std::vector<std::string>& reasons) {
  return line_of([&](JsonWriter& json) {
    json.member("healthy", reasons.empty());
    if (reasons.empty()) return;
    json.array("reasons", reasons);
  });
}

std::string shards_json(const Page<ShardRow>& page) {
  return page_json("shards", page);
}

std::string sensors_json(const Page<SensorRow>& page) {
  return page_json("sensors", page);
}

std::string sensor_json(const SensorDetail& detail) {
  return line_of([&](JsonWriter& json) {
    json.key("sensor");
    add_row(json, detail.sensor);
    if (!detail.continues) {
      json.key("effective");
      json.put(detail.effective);
    }
    json.key("anomaly");
    if (detail.anomaly) {
      json.begin('{');
      add_anomaly(json, "type", *detail.anomaly);
      json.end('}');
    } else {
      json.value(std::nullopt);
    }
    json.member("continues", detail.continues);
    add_rows(json, "readings", detail.readings);
  });
}

std::string events_json(const std::vector<EventRow>& events) {
  return line_of([&](JsonWriter& json) { add_rows(json, "events", events); });
}

std::string error_json(std::string_view error, std::string_view remedy) {
  return line_of([&](JsonWriter& json) {
    json.member("error", error);
    if (!remedy.empty()) json.member("remedy", remedy);
  });
}

std::string accepted_json(std::string_view what) {
  return line_of([&](JsonWriter& json) { json.member("accepted", what); });
}

std::string injection_json(AnomalyType type, std::size_t sensors) {
  return line_of([&](JsonWriter& json) {
    json.object("accepted", [&] {
      json.member("type", name_of(type));
      json.member("sensors", sensors);
    });
  });
}

}  // namespace fleet_sim::status
