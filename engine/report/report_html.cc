#include "report/report_html.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "report/report_json.h"

namespace fleet_sim::report {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t longest_list = 200;
constexpr std::size_t longest_text_bytes = 200;

// Nothing is asked of anywhere else: the policy makes the browser see to it.
constexpr std::string_view page_policy =
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; img-src data:\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<link rel=\"icon\" href=\"data:,\">\n<title>Fleet report</title>\n";

std::string cut(const std::string& text) {
  if (text.size() <= longest_text_bytes) return text;
  std::size_t end = longest_text_bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

// Lists and texts no longer than a page has use for, however many shards or odd names there are.
void bound(Json& json) {
  if (json.is_string()) {
    json = cut(json.get_ref<const std::string&>());
  } else if (json.is_structured()) {
    if (json.is_array() && json.size() > longest_list) json.erase(json.begin() + longest_list, json.end());
    for (Json& part : json) bound(part);
  }
}

// The largest groups, in the order they had.
void bound_groups(Json& groups) {
  if (groups.size() <= longest_list) return;
  std::vector<std::uint64_t> sizes;
  for (const Json& group : groups) sizes.push_back(group["readings"]);
  std::ranges::nth_element(sizes, sizes.begin() + longest_list - 1, std::greater<>());
  const std::uint64_t least = sizes[longest_list - 1];
  Json large = Json::array();
  for (Json& group : groups) {
    if (group["readings"] >= least) large.push_back(std::move(group));
  }
  groups = std::move(large);
}

Json page_json(const Report& report) {
  Json json = json_of(report);
  json["shard_count"] = report.shards.size();
  json["run_count"] = report.runs.size();
  json["shards_without_expectation"] = report.shards_without_expectation();
  for (const ReportShard& shard : report.shards) {
    if (!shard.expectation_missing.empty()) json["nothing_expected_because"] = shard.expectation_missing;
  }
  for (const char* by : {"by_firmware", "by_model", "by_manufacturer", "by_location_class"})
    bound_groups(json[by]);
  bound(json);
  return json;
}

double milliseconds(Microseconds span) {
  return static_cast<double>(span) / 1'000;
}

double plotted(double value) {
  return std::round(value * 1'000) / 1'000;
}

Json json_of(const SensorSeries& series) {
  Json points = Json::array();
  for (const SeriesPoint& point : series.points) {
    Json row = Json::array({std::round(milliseconds(point.at - series.from))});
    if (point.values) {
      for (const double value : *point.values) row.push_back(plotted(value));
    }
    points.push_back(std::move(row));
  }
  Json anomalies = Json::array();
  for (const SeriesAnomaly& anomaly : series.anomalies) {
    anomalies.push_back({{"type", cut(anomaly.type)},
                         {"channel", cut(anomaly.channel)},
                         {"from_ms", milliseconds(anomaly.from)},
                         {"until_ms", milliseconds(anomaly.until)},
                         {"readings", anomaly.readings},
                         {"open", anomaly.is_open}});
  }
  const VariedSensor& sensor = series.sensor;
  return {{"sensor_id", cut(sensor.sensor_id)},
          {"firmware", cut(sensor.firmware)},
          {"model", cut(sensor.model)},
          {"manufacturer", cut(sensor.manufacturer)},
          {"location", cut(sensor.location)},
          {"from_ms", milliseconds(series.from)},
          {"until_ms", milliseconds(series.until)},
          {"readings", series.readings},
          {"points", std::move(points)},
          {"anomalies", std::move(anomalies)}};
}

// JSON that stays inside its script element whatever its texts hold: outside of texts it has none of these.
std::string in_script(const std::string& json) {
  std::string safe;
  safe.reserve(json.size());
  for (const char c : json) {
    if (c == '<') {
      safe += "\\u003c";
    } else if (c == '>') {
      safe += "\\u003e";
    } else if (c == '&') {
      safe += "\\u0026";
    } else {
      safe += c;
    }
  }
  return safe;
}

}  // namespace

std::string report_html(const Report& report, const std::vector<SensorSeries>& series) {
  Json list = Json::array();
  for (const SensorSeries& one : series) list.push_back(json_of(one));
  const Json data{{"report", page_json(report)},
                  {"series", std::move(list)},
                  {"types", Json::parse(anomaly_types_json())}};
  std::string page{report_page_head};
  page += page_policy;
  page += report_page_before;
  page += in_script(json_text(data, -1));
  page += report_page_after;
  return page;
}

}  // namespace fleet_sim::report
