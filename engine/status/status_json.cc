#include "status/status_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <functional>
#include <optional>
#include <variant>

#include "base/json_writer.h"
#include "status/figures.h"

namespace fleet_sim::status {
namespace {

// A line that holds one object; `members` writes them.
template <class Members>
std::string line_of(const Members& members, JsonReals reals = JsonReals::shortest) {
  std::string text;
  JsonWriter json(text, JsonLayout::compact, reals);
  json.object([&] { members(json); });
  json.end_line();
  return text;
}

std::optional<std::string> time_text(const std::optional<Timestamp>& at) {
  return at ? std::optional(timestamp_text(*at)) : std::nullopt;
}

void add_value(JsonWriter& json, const FigureValue& value) {
  if (const auto* as_it_stands = std::get_if<JsonText>(&value)) return json.put(as_it_stands->text);
  std::visit(
      [&json]<class Value>(const Value& one) {
        if constexpr (!std::same_as<Value, JsonText>) json.value(one);
      },
      value);
}

void add_value(JsonWriter& json, const std::vector<double>& column) {
  json.begin('[');
  for (const double number : column) json.value(number);
  json.end(']');
}

std::vector<PathValue> values_of(const Status& status) {
  std::vector<PathValue> values;
  for (const bool last : {false, true}) {
    for (const Figure& figure : figures()) {
      if (figure.status_last == last) add_values(values, figure, status);
    }
  }
  return values;
}

// The next name of a path below its first `depth` characters.
std::string_view name_at(std::string_view path, std::size_t depth) {
  const std::string_view rest = path.substr(depth);
  return rest.substr(0, rest.find('.'));
}

// Writes as nested objects the values whose paths share their first `depth` characters. Those of one object
// need not stand together; the first says where the object comes.
template <class Member>
void add_tree(JsonWriter& json, std::vector<const Member*> members, std::size_t depth) {
  while (!members.empty()) {
    const auto& [path, value] = *members.front();
    const std::string_view name = name_at(path, depth);
    const auto others = std::ranges::stable_partition(
        members, [&](const Member* member) { return name_at(member->first, depth) == name; });
    json.key(name);
    if (path.size() == depth + name.size()) {
      add_value(json, value);
    } else {
      json.begin('{');
      add_tree<Member>(json, {members.begin(), others.begin()}, depth + name.size() + 1);
      json.end('}');
    }
    members.erase(members.begin(), others.begin());
  }
}

template <class Member>
void add_tree(JsonWriter& json, const std::vector<Member>& members) {
  std::vector<const Member*> in_order;
  for (const Member& member : members) in_order.push_back(&member);
  add_tree<Member>(json, in_order, 0);
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
  json.member("log_bytes", shard.log_bytes);
  json.member("log_held_seconds", shard.log_held_seconds);
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

void add_row(JsonWriter& json, const ChannelRow& channel) {
  json.begin('{');
  json.member("name", channel.column.name);
  json.member("unit", channel.column.unit);
  json.member("kind", types::channel_kind_names[static_cast<std::size_t>(channel.column.kind)]);
  json.member("decimals", channel.column.decimals);
  if (!channel.column.states.empty()) json.array("states", channel.column.states);
  json.member("in_pattern", channel.in_pattern);
  json.end('}');
}

void add_reading(JsonWriter& json, const std::vector<ChannelRow>& channels, const ReadingRow& reading) {
  json.begin('{');
  json.member("timestamp", timestamp_text(reading.due));
  for (std::size_t c = 0; c < channels.size(); ++c) {
    json.member(channels[c].column.name, reading.missing ? std::nullopt : std::optional(reading.values[c]));
  }
  json.member("anomaly_type", reading.anomaly ? std::optional(name_of(*reading.anomaly)) : std::nullopt);
  json.member("channel", reading.channel);
  json.member("cause", reading.anomaly ? std::optional(name_of(reading.cause)) : std::nullopt);
  json.end('}');
}

void add_range(JsonWriter& json, std::string_view name, const std::optional<Range>& range) {
  if (range) json.array(name, std::array{range->min, range->max});
}

void add_row(JsonWriter& json, const PossibleAnomaly& possible) {
  json.object([&] {
    json.member("type", name_of(possible.type));
    json.array("channels", possible.channels);
    add_range(json, "severity", possible.severity);
    add_range(json, "usual_severity", possible.usual);
  });
}

// What a row of the events and the current anomaly of a sensor have in common.
void add_anomaly(JsonWriter& json, std::string_view type_key, const EventRow& event) {
  json.member(type_key, name_of(event.type));
  json.member("channel", event.channel);
  json.member("direction", event.direction != 0 ? std::optional(event.direction) : std::nullopt);
  json.member("magnitude", event.magnitude);
  json.member("severity", event.severity);
  json.member("sigma", event.sigma);
  json.member("unit", event.unit.empty() ? std::nullopt : std::optional(event.unit));
  json.member("started_at", timestamp_text(event.started_at));
  json.member("ended_at", time_text(event.ended_at));
  json.member("cause", name_of(event.cause));
  json.member("injected", event.cause == AnomalyCause::injected);
}

void add_row(JsonWriter& json, const EventRow& event) {
  json.begin('{');
  json.member("sensor_id", event.sensor_id);
  add_anomaly(json, "anomaly_type", event);
  json.end('}');
}

void add_row(JsonWriter& json, const ScenarioRow& row) {
  json.object([&] {
    json.member("name", row.name);
    json.member("state", name_of(row.state));
    json.member("at", timestamp_text(row.at));
    json.member("until", time_text(row.until));
    json.member("what", row.what);
    json.member("entry", row.entry);
    json.member("reached", row.reached);
    json.member("in_all", row.in_all);
  });
}

void add_row(JsonWriter& json, const Injected::PassedOver& sensor) {
  json.begin('{');
  json.member("sensor", sensor.sensor);
  json.member("reason", sensor.reason);
  json.end('}');
}

void add_row(JsonWriter& json, const ReloadRecord& reload) {
  add_reload(json, reload);
}

void add_error(JsonWriter& json, std::string_view error, std::string_view remedy) {
  json.member("error", error);
  if (!remedy.empty()) json.member("remedy", remedy);
}

template <class Rows>
void add_rows(JsonWriter& json, std::string_view name, const Rows& rows) {
  json.array(name, rows, [&](const auto& row) { add_row(json, row); });
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
  return line_of([&](JsonWriter& json) { add_tree(json, values_of(status)); });
}

std::string history_json(const HistoryColumns& columns) {
  return line_of(
      [&](JsonWriter& json) {
        json.member("continues", columns.continues);
        json.array("time", columns.time);
        add_tree(json, columns.values);
      },
      JsonReals::plain);
}

std::string health_json(const std::vector<std::string>& reasons, std::string_view state) {
  return line_of([&](JsonWriter& json) {
    json.member("healthy", reasons.empty());
    if (!state.empty()) json.member("state", state);
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
      add_rows(json, "channels", detail.channels);
      add_rows(json, "possible_anomalies", detail.possible);
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
    json.array("readings", detail.readings,
               [&](const ReadingRow& reading) { add_reading(json, detail.channels, reading); });
  });
}

std::string scenario_json(const Page<ScenarioRow>& page) {
  return page_json("entries", page);
}

std::string events_json(const std::vector<EventRow>& events) {
  return line_of([&](JsonWriter& json) { add_rows(json, "events", events); });
}

std::string error_json(std::string_view error, std::string_view remedy) {
  return line_of([&](JsonWriter& json) { add_error(json, error, remedy); });
}

std::string accepted_json(std::string_view what, std::string_view see) {
  return line_of([&](JsonWriter& json) {
    json.member("accepted", what);
    if (!see.empty()) json.member("see", see);
  });
}

std::string reload_json(const std::vector<ReloadRecord>& outcome) {
  return line_of([&](JsonWriter& json) {
    const auto refused = std::ranges::find_if(outcome, [](const ReloadRecord& one) { return !one.accepted; });
    if (refused != outcome.end()) {
      add_error(json, fmt::format("{} not reloaded: {}", refused->what, refused->detail), {});
    } else {
      json.member("reload", outcome.empty() ? "nothing changed" : "changed");
    }
    for (const ReloadRecord& one : outcome) {
      if (one.accepted && one.sensors == 0U)
        json.member(
            "warning",
            fmt::format("scenario.{} meets no sensor: none matches its `where` when it begins", one.entry));
    }
    add_rows(json, "outcome", outcome);
  });
}

std::string injection_json(AnomalyType type, const Injected& injected) {
  std::vector<std::string_view> sensors;
  for (const EventRow& event : injected.events) sensors.push_back(event.sensor_id);
  return line_of([&](JsonWriter& json) {
    json.object("accepted", [&] {
      json.member("type", name_of(type));
      json.array("sensors", sensors);
      add_rows(json, "events", injected.events);
    });
    add_rows(json, "passed_over", injected.passed_over);
  });
}

std::string injection_error_json(std::string_view error, std::string_view remedy, const Injected& injected) {
  return line_of([&](JsonWriter& json) {
    add_error(json, error, remedy);
    add_rows(json, "passed_over", injected.passed_over);
  });
}

}  // namespace fleet_sim::status
