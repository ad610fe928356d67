#include "report/report_html.h"

#include <algorithm>
#include <cmath>

#include "base/anomaly_types.h"
#include "base/json_writer.h"
#include "base/page.h"
#include "base/text.h"
#include "report/report_json.h"

namespace fleet_sim::report {
namespace {

// No more than a page has use for, however many shards or odd names there are.
constexpr JsonBounds page_bounds{.list = 200, .text_bytes = 200};

std::string cut(std::string_view text) {
  return cut_to_bytes(text, page_bounds.text_bytes, "…");
}

// The last shard's, which stands for all.
const std::string* nothing_expected_because(const Report& report) {
  const std::string* why = nullptr;
  for (const ReportShard& shard : report.shards) {
    if (!shard.expectation_missing.empty()) why = &shard.expectation_missing;
  }
  return why;
}

void add_report(JsonWriter& json, const Report& report) {
  json.object("report", [&] {
    write_report(json, report, page_bounds);
    json.member("shard_count", report.shards.size());
    json.member("run_count", report.runs.size());
    json.member("shards_without_expectation", report.shards_without_expectation());
    if (const std::string* why = nothing_expected_because(report)) {
      json.member("nothing_expected_because", cut(*why));
    }
  });
}

double milliseconds(Microseconds span) {
  return static_cast<double>(span) / 1'000;
}

// At least to the thousandth, and to what the channel resolves.
double plotted(double value, const types::ChannelColumn& channel) {
  const double scale = std::pow(10, std::max(3, channel.decimals));
  return std::round(value * scale) / scale;
}

void add_point(JsonWriter& json, const SeriesPoint& point, const SensorSeries& series) {
  json.begin('[');
  json.value(std::round(milliseconds(point.at - series.from)));
  for (std::size_t c = 0; point.values && c < series.channels.size(); ++c) {
    json.value(plotted((*point.values)[c], series.channels[c]));
  }
  json.end(']');
}

void add_anomaly(JsonWriter& json, const SeriesAnomaly& anomaly) {
  json.object([&] {
    json.member("type", cut(anomaly.type));
    json.member("channel", cut(anomaly.channel));
    json.member("from_ms", milliseconds(anomaly.from));
    json.member("until_ms", milliseconds(anomaly.until));
    json.member("readings", anomaly.readings);
    json.member("open", anomaly.is_open);
    json.member("severity", anomaly.severity);
    json.member("cause", cut(anomaly.cause));
  });
}

void add_channel(JsonWriter& json, const types::ChannelColumn& channel) {
  json.object([&] {
    json.member("name", channel.name);
    json.member("unit", channel.unit);
    json.member("kind", types::channel_kind_names[static_cast<std::size_t>(channel.kind)]);
    json.array("states", channel.states, [&](const std::string& state) { json.value(cut(state)); });
  });
}

void add_series(JsonWriter& json, const SensorSeries& series) {
  const VariedSensor& sensor = series.sensor;
  json.object([&] {
    json.member("sensor_id", cut(sensor.sensor_id));
    json.member("sensor_type", cut(sensor.sensor_type));
    json.member("firmware", cut(sensor.firmware));
    json.member("model", cut(sensor.model));
    json.member("manufacturer", cut(sensor.manufacturer));
    json.member("location", cut(sensor.location));
    json.array("channels", series.channels,
               [&](const types::ChannelColumn& channel) { add_channel(json, channel); });
    json.member("from_ms", milliseconds(series.from));
    json.member("until_ms", milliseconds(series.until));
    json.member("readings", series.readings);
    json.array("points", series.points, [&](const SeriesPoint& point) { add_point(json, point, series); });
    json.array("anomalies", series.anomalies,
               [&](const SeriesAnomaly& anomaly) { add_anomaly(json, anomaly); });
  });
}

std::string page_data(const Report& report, const std::vector<SensorSeries>& series) {
  std::string text;
  JsonWriter json(text, JsonLayout::compact, JsonReals::with_point);
  json.object([&] {
    add_report(json, report);
    json.array("series", series, [&](const SensorSeries& one) { add_series(json, one); });
    json.key("types");
    json.put(anomaly_types_json());
  });
  return text;
}

}  // namespace

std::string report_html(const Report& report, const std::vector<SensorSeries>& series) {
  return page_of_figures(report_page_head, "Fleet report", report_page, page_data(report, series));
}

}  // namespace fleet_sim::report
