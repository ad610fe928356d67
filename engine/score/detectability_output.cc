// What is known of how hard anomalies are to find, as text and JSON.
#include <fmt/format.h>

#include <cmath>
#include <string>

#include "base/json_writer.h"
#include "base/text.h"
#include "score/detectability.h"

namespace fleet_sim::score {
namespace {

std::string position_text(const std::optional<double>& position) {
  if (!position) return "";
  return fmt::format("; on average they lie at {:.0f}% of a series{}", 100 * *position,
                     *position > late_position ? ", so late that guessing its end finds them" : "");
}

double to_six_digits(double share) {
  return std::round(share * 1e6) / 1e6;
}

}  // namespace

std::string detectability_text(const Detectability& found) {
  Table table({"detectability", "severity", "readings", "best detector", "ROC-AUC", "verdict"});
  for (const Detectability::Row& row : found.rows) {
    table.add({std::string(name_of(row.kind)), row.severity, grouped(row.readings), std::string(row.detector),
               fmt::format("{:.3f}", row.roc_auc), std::string(row.verdict())});
  }
  return fmt::format(
      "{}  by detectors of one line on {}: in {} of them, one threshold finds all anomalies and nothing "
      "else; "
      "{:.2f}% of their readings are anomalous{}{}.\n",
      table.text(), counted(found.sensors, "sensor"), grouped(found.trivial_sensors), 100 * found.density(),
      found.density() > dense ? ", which is dense" : "", position_text(found.position()));
}

std::string detectability_json(const Detectability& found) {
  std::string text;
  JsonWriter json(text, JsonLayout::spaced, JsonReals::with_point);
  json.object([&] {
    json.member("sensors", found.sensors);
    json.member("readings", found.readings);
    json.member("trivial_share", to_six_digits(found.trivial_share()));
    json.member("density", to_six_digits(found.density()));
    json.key("mean_position");
    found.position() ? json.value(to_six_digits(*found.position())) : json.value(std::nullopt);
    json.array("anomalies", found.rows, [&](const Detectability::Row& row) {
      json.object([&] {
        json.member("kind", name_of(row.kind));
        json.member("severity", row.severity);
        json.member("readings", row.readings);
        json.member("detector", row.detector);
        json.member("roc_auc", to_six_digits(row.roc_auc));
        json.member("verdict", row.verdict());
      });
    });
  });
  return text;
}

}  // namespace fleet_sim::score
