#include "text/event_lines.h"

#include <optional>

#include "base/json_writer.h"

namespace fleet_sim::text {
namespace {

std::optional<std::string> text_of(const std::optional<Timestamp>& at) {
  if (!at) return std::nullopt;
  return timestamp_text(*at);
}

}  // namespace

void append_event(std::string& out, const batch::AnomalyEvent& event, const identity::Roster& roster,
                  const types::Schema& schema) {
  JsonWriter json(out, JsonLayout::compact, JsonReals::plain);
  const auto ended_at = batch::ends(event.kind) ? std::optional(event.ended_at) : std::nullopt;
  const auto direction = event.direction != 0 ? std::optional(int{event.direction}) : std::nullopt;
  const std::string_view scenario = roster.text(static_cast<identity::Text>(event.scenario));
  json.object([&] {
    json.member("sensor_id", roster[event.sensor].id);
    json.member("anomaly_type", name_of(event.type));
    json.member("channel", schema.name_of(event.channel));
    json.member("direction", direction);
    json.member("magnitude", event.magnitude);
    json.member("started_at", timestamp_text(event.started_at));
    json.member("ended_at", text_of(ended_at));
    json.member("readings_affected", event.readings_affected);
    json.member("severity", event.severity);
    json.member("sigma", event.sigma);
    json.member("cause", name_of(event.cause));
    json.member("scenario", event.scenario != 0 ? std::optional(scenario) : std::nullopt);
    json.member("fails_at", text_of(event.fails_at));
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
    json.member("ended_at", text_of(event.ended_at));
    json.member("silent_until", text_of(event.silent_until));
    json.member("failed", event.failed);
  });
  json.end_line();
}

}  // namespace fleet_sim::text
