// A verdict as text, JSON and a page.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/anomaly_types.h"
#include "base/json_writer.h"
#include "base/page.h"
#include "base/plain_text.h"
#include "base/text.h"
#include "score/score.h"

namespace fleet_sim::score {
namespace {

struct GroupWords {
  GroupBy by;
  std::string_view heading;  // of the table
  std::string_view key;      // of the JSON
};
constexpr std::array<GroupWords, 5> group_words{{{GroupBy::kind, "kind", "by_kind"},
                                                 {GroupBy::severity, "severity", "by_severity"},
                                                 {GroupBy::cause, "cause", "by_cause"},
                                                 {GroupBy::firmware, "firmware", "by_firmware"},
                                                 {GroupBy::model, "model", "by_model"}}};

bool has_alarms(GroupBy by) {
  return by == GroupBy::all || by == GroupBy::firmware || by == GroupBy::model;
}

std::string_view name_of(const Group& group) {
  if (group.by == GroupBy::all) return "all";
  return group.name.empty() ? "(none)" : std::string_view(group.name);
}

// ---- text ----

constexpr std::string_view nothing_known = "–";

std::string share_text(const std::optional<double>& share) {
  return share ? fmt::format("{:.3f}", *share) : std::string(nothing_known);
}

std::string delay_text(const std::optional<double>& seconds) {
  if (!seconds) return std::string(nothing_known);
  return *seconds == 0 ? "0 s" : duration_text(*seconds);
}

std::vector<std::string> cells_of(const Group& group, const Measures& measures, bool with_areas) {
  std::vector<std::string> cells{
      printable(name_of(group)),           share_text(measures.precision()), share_text(measures.recall()),
      share_text(measures.f1()),           grouped(measures.events),         grouped(measures.delays.size()),
      share_text(measures.event_recall()), delay_text(measures.delay(0.5)),  delay_text(measures.delay(0.9))};
  cells.push_back(has_alarms(group.by) && measures.false_alarms_per_day()
                      ? fmt::format("{:.3g}", *measures.false_alarms_per_day())
                      : std::string(nothing_known));
  if (with_areas) {
    for (const Mean* area : {&measures.roc_auc, &measures.average_precision, &measures.vus_pr})
      cells.push_back(share_text(area->value()));
  }
  return cells;
}

std::string table_text(const Verdict& verdict, GroupBy by, std::string_view heading) {
  std::vector<std::string> names{
      std::string(heading), "precision", "recall", "F1", "events", "found", "share", "p50", "p90",
      "false/day"};
  if (verdict.has_areas) names.insert(names.end(), {"ROC-AUC", "AP", "VUS-PR"});
  Table table(names);
  bool is_empty = true;
  for (const auto& [group, measures] : verdict.measures) {
    if (group.by != by) continue;
    table.add(cells_of(group, measures, verdict.has_areas));
    is_empty = false;
  }
  return is_empty ? "" : '\n' + table.text();
}

std::string heading_text(const Verdict& verdict) {
  const Measures& all = verdict.measures.at({});
  const double share =
      all.readings == 0 ? 0 : static_cast<double>(all.anomalous) / static_cast<double>(all.readings);
  std::string text =
      fmt::format("{} against {}: {}, {}, {:.2f}% of them anomalous, {}\n", printable(verdict.detector),
                  printable(verdict.run), counted(verdict.sensors, "sensor"),
                  counted(all.readings, "reading"), 100 * share, counted(all.events, "event"));
  if (verdict.rows > 0) text += fmt::format("{} of detections\n", counted(verdict.rows, "row"));
  if (verdict.unmatched > 0) {
    text += fmt::format("{} at a time at which the sensor has no reading: compare the timestamps\n",
                        counted(verdict.unmatched, "row"));
  }
  if (!verdict.has_threshold) return text;
  if (!verdict.threshold)
    return text + "no threshold tells anomalies from other readings; nothing is flagged\n";
  return text + fmt::format("flagged from a score of {:.6g}{}\n", *verdict.threshold,
                            verdict.is_best_threshold
                                ? ": the threshold with the best F1, which a detector in "
                                  "use cannot know; set yours with --threshold"
                                : "");
}

// ---- JSON ----

void write_measures(JsonWriter& json, const Group& group, const Measures& measures, bool with_areas) {
  json.member("precision", measures.precision());
  json.member("recall", measures.recall());
  json.member("f1", measures.f1());
  json.member("readings", measures.readings);
  json.member("anomalous", measures.anomalous);
  json.member("true_positives", measures.found);
  json.member("false_positives", measures.flagged_else);
  json.member("false_negatives", measures.anomalous - measures.found);
  json.member("events", measures.events);
  json.member("events_found", measures.delays.size());
  json.member("event_recall", measures.event_recall());
  json.member("delay_p50", measures.delay(0.5));
  json.member("delay_p90", measures.delay(0.9));
  if (has_alarms(group.by)) {
    json.member("false_alarms", measures.false_alarms);
    json.member("false_alarms_per_sensor_and_day", measures.false_alarms_per_day());
  }
  if (!with_areas) return;
  json.member("sensors_with_events", measures.average_precision.count);
  json.member("roc_auc", measures.roc_auc.value());
  json.member("average_precision", measures.average_precision.value());
  json.member("vus_pr", measures.vus_pr.value());
}

// A page has no use for more.
struct Bounds {
  std::size_t groups = SIZE_MAX;
  std::size_t text_bytes = SIZE_MAX;
};
constexpr Bounds page_bounds{.groups = 200, .text_bytes = 200};

void write_groups(JsonWriter& json, const Verdict& verdict, const GroupWords& words, const Bounds& bounds) {
  std::size_t count = 0;
  json.key(words.key);
  json.begin('[');
  for (const auto& [group, measures] : verdict.measures) {
    if (group.by != words.by || ++count > bounds.groups) continue;
    json.object([&] {
      json.member("name", cut_to_bytes(name_of(group), bounds.text_bytes, "…"));
      write_measures(json, group, measures, verdict.has_areas);
    });
  }
  json.end(']');
}

void write_verdict(JsonWriter& json, const Verdict& verdict, const Bounds& bounds) {
  write_measures(json, {}, verdict.measures.at({}), verdict.has_areas);
  json.member("run", cut_to_bytes(verdict.run, bounds.text_bytes, "…"));
  json.member("detector", cut_to_bytes(verdict.detector, bounds.text_bytes, "…"));
  json.member("sensors", verdict.sensors);
  json.member("rows", verdict.rows);
  json.member("unmatched_rows", verdict.unmatched);
  json.member("threshold", verdict.threshold);
  json.member("threshold_is_best", verdict.is_best_threshold);
  for (const GroupWords& words : group_words) write_groups(json, verdict, words, bounds);
}

// ---- what the page draws beside that ----

// Which share of all events was found how soon: delays in seconds with the shares at them.
void write_delays(JsonWriter& json, const Group& group, const Measures& measures) {
  constexpr std::size_t most_points = 200;
  const std::vector<float>& delays = measures.delays;
  const std::size_t points = std::min(most_points, delays.size());
  json.object([&] {
    json.member("name", name_of(group));
    json.key("points");
    json.begin('[');
    for (std::size_t i = 1; i <= points; ++i) {
      const std::size_t found = i * delays.size() / points;
      json.begin('[');
      json.value(static_cast<double>(delays[found - 1]));
      json.value(static_cast<double>(found) / static_cast<double>(measures.events));
      json.end(']');
    }
    json.end(']');
  });
}

void write_pictures(JsonWriter& json, const Verdict& verdict) {
  json.key("delays");
  json.begin('[');
  for (const auto& [group, measures] : verdict.measures) {
    const bool is_shown = group.by == GroupBy::all || group.by == GroupBy::kind;
    if (is_shown && !measures.delays.empty()) write_delays(json, group, measures);
  }
  json.end(']');
  json.array("curve", verdict.curve, [&](const CurvePoint& point) {
    json.begin('[');
    for (const double value : {point.recall, point.precision, point.threshold}) json.value(value);
    json.end(']');
  });
}

}  // namespace

std::string verdict_text(const Verdict& verdict) {
  std::string text = heading_text(verdict) + table_text(verdict, GroupBy::all, "");
  for (const GroupWords& words : group_words) text += table_text(verdict, words.by, words.heading);
  text +=
      "\n  precision, recall, F1: by reading, without adjusting for events that were found in part. events, "
      "found, share: "
      "events that a detection overlaps. p50, p90: delay from the start of an event to its first detection. "
      "false/day: false alarms per sensor and day; flagged readings in a row are one.\n";
  if (verdict.has_areas)
    text += "  ROC-AUC, AP, VUS-PR: of each sensor's scores, mean over the sensors that have events.\n";
  text +=
      "  kind, severity, cause: as if other anomalous readings were not there. Missing data and dropouts are "
      "judged by "
      "event only.\n";
  return text;
}

std::string verdict_json(const Verdict& verdict) {
  std::string text;
  JsonWriter json(text, JsonLayout::indented, JsonReals::with_point);
  json.object([&] { write_verdict(json, verdict, {}); });
  return text + '\n';
}

std::string verdict_html(const Verdict& verdict) {
  std::string text;
  JsonWriter json(text);
  json.object([&] {
    json.object("verdict", [&] { write_verdict(json, verdict, page_bounds); });
    write_pictures(json, verdict);
    json.key("types");
    json.put(anomaly_types_json());
  });
  return page_of_figures(score_page_head, "Scores of a detector", score_page, text);
}

}  // namespace fleet_sim::score
