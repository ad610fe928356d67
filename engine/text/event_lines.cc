#include "text/event_lines.h"

#include <optional>
#include <string_view>

#include "base/json_writer.h"

namespace fleet_sim::text {
namespace {

template <class Value>
void member_if(JsonWriter& json, std::string_view name, bool has_value, const Value& value) {
  has_value ? json.member(name, value) : json.member(name, std::nullopt);
}

void member(JsonWriter& json, std::string_view name, const std::optional<Timestamp>& at) {
  member_if(json, name, at.has_value(), timestamp_text(at.value_or(0)));
}

}  // namespace

void append_event(std::string& out, const batch::AnomalyEvent& event, const identity::Roster& roster,
                  const types::Schema& schema) {
  JsonWriter json(out, JsonLayout::compact, JsonReals::plain);
  const std::string_view scenario = roster.text(static_cast<identity::Text>(event.scenario));
  json.object([&] {
    json.member("sensor_id", roster[event.sensor].id);
    json.member("anomaly_type", name_of(event.type));
    json.member("channel", schema.name_of(event.channel));
    member_if(json, "direction", event.direction != 0, int{event.direction});
    json.member("magnitude", event.magnitude);
    json.member("started_at", timestamp_text(event.started_at));
    member_if(json, "ended_at", batch::ends(event.kind), timestamp_text(event.ended_at));
    json.member("readings_affected", event.readings_affected);
    json.member("severity", event.severity);
    json.member("sigma", event.sigma);
    json.member("cause", name_of(event.cause));
    member_if(json, "scenario", event.scenario != 0, scenario);
    member(json, "fails_at", event.fails_at);
  });
  json.end_line();
}

void append_event(std::string& out, const batch::FleetEvent& event, const identity::Roster& roster) {
  JsonWriter json(out, JsonLayout::compact, JsonReals::plain);
  const auto text = [&](std::uint32_t handle) { return roster.text(static_cast<identity::Text>(handle)); };
  json.object([&] {
    json.member("sensor_id", roster[event.sensor].id);
    json.member("name", text(event.name));
    json.member("verb", batch::name_of(event.verb));
    json.member("what", text(event.what));
    json.member("started_at", timestamp_text(event.started_at));
    member(json, "ended_at", event.ended_at);
    member(json, "silent_until", event.silent_until);
    json.member("failed", event.failed);
  });
  json.end_line();
}

void append_delivery(std::string& out, const batch::Delivery& delivery, const identity::Roster& roster) {
  JsonWriter json(out, JsonLayout::compact, JsonReals::plain);
  json.object([&] {
    json.member("sensor_id", roster[delivery.sensor].id);
    json.member("kind", batch::name_of(delivery.kind));
    json.member("sequence", delivery.sequence);
    json.member("due", timestamp_text(delivery.due));
    member(json, "arrived_at", delivery.arrived_at);
    json.member("readings", delivery.readings);
  });
  json.end_line();
}

}  // namespace fleet_sim::text
