#include "base/anomaly_types.h"

#include "base/json_writer.h"

namespace fleet_sim {
namespace {

constexpr std::array<std::string_view, 3> touches_names{"one_channel", "two_channels", "all_channels"};

}  // namespace

std::string row_leaving_types_text() {
  std::string names;
  for (const AnomalyTypeRow& type : anomaly_types) {
    if (type.rows == AffectedRows::kept) continue;
    if (!names.empty()) names += ", ";
    names += type.name;
  }
  return names;
}

std::string anomaly_types_json() {
  std::string text;
  JsonWriter json(text);
  json.begin('[');
  for (const AnomalyTypeRow& type : anomaly_types) {
    json.object([&] {
      json.member("name", type.name);
      json.member("takes_rows", takes_rows(anomaly_type_of(type.name)));
      json.member("touches", touches_names[static_cast<std::size_t>(type.touches)]);
      json.member("color", type.color);
      json.member("color_on_dark", type.color_on_dark);
      json.member("magnitude", type.magnitude);
      if (!type.severity) return;
      const auto& [range, bounds, graded] = *type.severity;
      json.member("graded_magnitude", graded.empty() ? type.magnitude : graded);
      json.array("severity", std::array{range.min, range.max});
      json.array("severity_bounds", std::array{bounds.min, bounds.max});
    });
  }
  json.end(']');
  return text;
}

}  // namespace fleet_sim
