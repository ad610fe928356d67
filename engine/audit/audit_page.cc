#include "audit/audit_page.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/json_writer.h"
#include "base/page.h"

namespace fleet_sim::audit {
namespace {

constexpr std::size_t most_places = 200;

void write_place(JsonWriter& json, const PlaceSteps& place) {
  using Step = PlaceSteps::Step;
  const auto write_steps = [&](std::string_view name, std::uint64_t Step::*count) {
    json.array(name, place.steps, [&](const Step& step) { json.value(step.*count); });
  };
  json.object([&] {
    json.member("location", place.location);
    write_steps("expected", &Step::expected);
    write_steps("missing", &Step::missing);
  });
}

void write_picture(JsonWriter& json, const Picture& picture) {
  const std::size_t shown = std::min(picture.places.size(), most_places);
  json.member("from_ms", picture.from / 1'000);
  json.member("step_seconds", static_cast<double>(picture.step) * 1e-6);
  json.member("left_out", picture.places.size() - shown);
  json.key("places");
  json.begin('[');
  for (std::size_t i = 0; i < shown; ++i) write_place(json, picture.places[i]);
  json.end(']');
}

}  // namespace

std::string audit_html(const Verdict& verdict) {
  std::string text;
  JsonWriter json(text);
  json.object([&] {
    json.key("verdict");
    json.put(verdict_json(verdict));
    json.object("picture", [&] { write_picture(json, verdict.picture); });
  });
  return page_of_figures(audit_page_head, "Audit", audit_page, text);
}

}  // namespace fleet_sim::audit
