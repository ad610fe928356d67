#include "report/report_json.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>

#include "base/text.h"

namespace fleet_sim::report {
namespace {

// The order in which shards are read moves the last digits of a sum; a reader need not see them.
double rounded(double value) {
  return std::round(value * 1e9) / 1e9;
}

std::optional<double> rounded(const std::optional<double>& value) {
  return value ? std::optional(rounded(*value)) : std::nullopt;
}

std::optional<std::string> time_text(const std::optional<Timestamp>& at) {
  return at ? std::optional(timestamp_text(*at)) : std::nullopt;
}

double seconds(Microseconds span) {
  return static_cast<double>(span) * 1e-6;
}

// The readings of the smallest group that is among the largest so many.
std::uint64_t least_readings(const std::vector<ReportGroup>& groups, std::size_t most) {
  if (groups.size() <= most) return 0;
  std::vector<std::uint64_t> sizes;
  for (const ReportGroup& group : groups) sizes.push_back(group.readings);
  const auto least = sizes.begin() + static_cast<std::ptrdiff_t>(most) - 1;
  std::ranges::nth_element(sizes, least, std::greater<>());
  return *least;
}

class BoundedReport {
 public:
  BoundedReport(JsonWriter& json, const JsonBounds& bounds) : json_(json), bounds_(bounds) {}

  void write(const Report& report);

 private:
  void text(std::string_view name, std::string_view value) {
    json_.member(name, cut_to_bytes(value, bounds_.text_bytes, "…"));
  }
  void text_or_null(std::string_view name, std::string_view value) {
    value.empty() ? json_.member(name, std::nullopt) : text(name, value);
  }
  template <class Value, class Write>
  void list(std::string_view name, const std::vector<Value>& values, const Write& write_one) {
    json_.array(name, std::span(values).first(std::min(values.size(), bounds_.list)), write_one);
  }
  template <class Value>
  void objects(std::string_view name, const std::vector<Value>& values) {
    list(name, values, [this](const Value& value) { json_.object([&] { members(value); }); });
  }

  void range(const std::optional<TimeRange>& range);
  void interval(const std::optional<Interval>& interval);
  void types(const ReportGroup& group);
  void groups(std::string_view name, const std::vector<ReportGroup>& groups);
  void events(const EventTally& events);
  void missing(const MissingData& missing);
  void gaps(const GapTally& gaps);
  void deleted(const tables::Deletions& deleted);
  void hours(const DailyCurve& curve, std::string_view channel);
  void daily(const std::vector<TypicalDay>& days);
  void over_time(const OverTime& over_time);
  void spans(std::string_view name, const std::vector<ReportSpan>& spans, const OverTime& over_time);
  void members(const ReportGroup& group);
  void members(const ReportShard& shard);
  void members(const UnreadableShard& shard);
  void members(const tables::RunInfo& run);
  void members(const Gap& gap);
  void members(const course::Mark& mark);

  JsonWriter& json_;
  const JsonBounds& bounds_;
};

void BoundedReport::range(const std::optional<TimeRange>& range) {
  json_.member("first", range ? time_text(range->first) : std::nullopt);
  json_.member("last", range ? time_text(range->last) : std::nullopt);
}

void BoundedReport::interval(const std::optional<Interval>& interval) {
  if (!interval) return json_.member("interval", std::nullopt);
  json_.object("interval", [&] {
    json_.member("low", rounded(interval->low));
    json_.member("high", rounded(interval->high));
  });
}

// Of a group's anomalous readings, by type.
void BoundedReport::types(const ReportGroup& group) {
  const std::uint64_t all = group.all_anomalous();
  const bool is_expected = group.expected && *group.expected_rate() > 0;
  const auto type = [&](std::size_t k) {
    const auto share = static_cast<double>(group.anomalous[k]) / static_cast<double>(all);
    json_.member("readings", group.anomalous[k]);
    json_.member("share", all == 0 ? std::nullopt : std::optional(rounded(share)));
    json_.member("expected", is_expected
                                 ? std::optional(rounded((*group.expected)[k] / *group.expected_rate()))
                                 : std::nullopt);
  };
  json_.object("types", [&] {
    for (std::size_t k = 0; k < anomaly_type_count; ++k)
      json_.object(anomaly_type_names[k], [&] { type(k); });
  });
}

void BoundedReport::members(const ReportGroup& group) {
  text("name", group.name);
  json_.member("sensors", group.sensors);
  json_.member("readings", group.readings);
  json_.member("missing", group.missing);
  json_.member("due", group.due());
  json_.member("anomalous", group.all_anomalous());
  json_.member("injected", group.injected);
  json_.member("rate", rounded(group.rate));
  interval(group.interval);
  json_.member("expected", rounded(group.expected_rate()));
  json_.member("rate_of_rows", rounded(group.rate_of_rows()));
  json_.member("synced", group.synced);
  json_.member("unsynced", group.readings - group.synced);
  types(group);
}

void BoundedReport::groups(std::string_view name, const std::vector<ReportGroup>& groups) {
  const std::uint64_t least = least_readings(groups, bounds_.list);
  std::vector<ReportGroup> large;
  std::ranges::copy_if(groups, std::back_inserter(large),
                       [least](const ReportGroup& group) { return group.readings >= least; });
  objects(name, large);
}

// Of the types of which there are any.
void BoundedReport::events(const EventTally& events) {
  const auto of_type = [&](const TypeEvents& type) {
    json_.member("events", type.all());
    for (std::size_t cause = 0; cause < anomaly_cause_names.size(); ++cause)
      json_.member(anomaly_cause_names[cause], type.by_cause[cause]);
    if (type.severity.events == 0) return json_.member("severity", std::nullopt);
    json_.object("severity", [&] {
      json_.member("least", rounded(type.severity.least));
      json_.member("mean", rounded(type.severity.mean()));
      json_.member("most", rounded(type.severity.most));
    });
  };
  json_.object("anomaly_events", [&] {
    for (std::size_t k = 0; k < anomaly_type_count; ++k) {
      if (events[k].all() > 0) json_.object(anomaly_type_names[k], [&] { of_type(events[k]); });
    }
  });
}

void BoundedReport::missing(const MissingData& missing) {
  json_.object("missing_data", [&] {
    json_.member("events", missing.events);
    json_.member("readings", missing.readings);
    json_.member("open_events", missing.open_events);
    json_.member("readings_of_sensors_without_a_row", missing.without_a_row);
  });
}

void BoundedReport::members(const Gap& gap) {
  text("sensor_id", gap.sensor_id);
  json_.member("from", timestamp_text(gap.from));
  json_.member("until", timestamp_text(gap.until));
  json_.member("seconds", seconds(gap.length()));
  json_.member("readings", gap.readings);
}

void BoundedReport::gaps(const GapTally& gaps) {
  json_.object("gaps", [&] {
    json_.member("count", gaps.count);
    json_.member("readings", gaps.readings);
    json_.member("seconds", seconds(gaps.length));
    objects("longest", gaps.longest);
    json_.object("between_runs", [&] {
      json_.member("count", gaps.between_runs);
      json_.member("seconds", seconds(gaps.between_runs_length));
    });
  });
}

void BoundedReport::deleted(const tables::Deletions& deleted) {
  json_.object("deleted", [&] {
    json_.member("readings", deleted.readings);
    json_.member("events", deleted.events);
    text_or_null("until", deleted.until);
  });
}

void BoundedReport::hours(const DailyCurve& curve, std::string_view channel) {
  json_.key("hours");
  json_.begin('[');
  for (std::size_t hour = 0; hour < zones::hours_per_day; ++hour) {
    const HourMean& mean = curve[hour];
    json_.object([&] {
      json_.member("hour", hour);
      json_.member("readings", mean.readings);
      json_.member(channel, mean.readings == 0 ? std::nullopt : std::optional(rounded(mean.mean())));
    });
  }
  json_.end(']');
}

// A curve for each location class of each type of sensor.
void BoundedReport::daily(const std::vector<TypicalDay>& days) {
  std::size_t left = bounds_.list;
  json_.key("daily");
  json_.begin('[');
  for (const TypicalDay& day : days) {
    for (const auto& [name, curve] : day.curves) {
      if (left == 0) break;
      --left;
      json_.object([&] {
        text("sensor_type", day.sensor_type);
        text("location_class", name);
        text("channel", day.channel.name);
        text("unit", day.channel.unit);
        hours(curve, day.channel.name);
      });
    }
  }
  json_.end(']');
}

void BoundedReport::members(const course::Mark& mark) {
  json_.member("at", timestamp_text(mark.at));
  json_.member("until", time_text(mark.until));
  json_.member("kind", name_of(mark.kind));
  text_or_null("name", mark.name);
  text_or_null("what", mark.what);
  json_.member(mark.kind == course::Mark::Kind::injection ? "anomalies" : "sensors",
               mark.kind == course::Mark::Kind::reload ? std::nullopt : std::optional(mark.count));
}

// Firmware without readings in a span is left out.
void BoundedReport::spans(std::string_view name, const std::vector<ReportSpan>& spans,
                          const OverTime& over_time) {
  json_.array(name, spans, [&](const ReportSpan& span) {
    json_.object([&] {
      json_.member("from", timestamp_text(span.from));
      json_.member("until", timestamp_text(span.until));
      json_.key("by_firmware");
      json_.begin('[');
      for (std::size_t i = 0; i < span.by_firmware.size(); ++i) {
        const FirmwareShare& share = span.by_firmware[i];
        if (share.due() == 0) continue;
        json_.object([&] {
          text("firmware", over_time.firmware[i]);
          json_.member("readings", share.readings);
          json_.member("missing", share.missing);
          json_.member("anomalous", share.anomalous);
          json_.member("injected", share.injected);
          json_.member("rate", rounded(share.rate()));
          json_.member("expected", rounded(share.expected_rate()));
        });
      }
      json_.end(']');
    });
  });
}

void BoundedReport::over_time(const OverTime& over_time) {
  json_.object("over_time", [&] {
    objects("marks", over_time.marks);
    json_.member("marks_left_out", over_time.marks_left_out + over_time.marks.size() -
                                       std::min(over_time.marks.size(), bounds_.list));
    spans("stretches", over_time.stretches, over_time);
    spans("points", over_time.points, over_time);
  });
}

void BoundedReport::members(const tables::RunInfo& run) {
  text("run_id", run.run_id);
  json_.member("seed", run.seed);
  text("version", run.version);
  json_.member("start", timestamp_text(run.start));
  json_.member("began_at", timestamp_text(run.began_at));
  json_.member("fleet_size", run.fleet_size);
  text("partition", run.partition);
  text("shard_by", run.shard_by);
  text("config_hash", run.config_hash);
}

void BoundedReport::members(const ReportShard& shard) {
  text("file", shard.file);
  text_or_null("sensor_type", shard.sensor_type);
  json_.member("sensors", shard.sensors);
  json_.member("readings", shard.readings);
  json_.member("missing", shard.missing);
  json_.member("synced", shard.synced);
  json_.member("unsynced", shard.readings - shard.synced);
  json_.member("oldest_unsynced", time_text(shard.oldest_unsynced));
  range(shard.range);
  json_.member("gaps", shard.gaps);
  deleted(shard.deleted);
  list("runs", shard.runs,
       [this](const std::string& run) { json_.value(cut_to_bytes(run, bounds_.text_bytes, "…")); });
  text_or_null("nothing_expected_because", shard.expectation_missing);
}

void BoundedReport::members(const UnreadableShard& shard) {
  text("file", shard.file);
  text("why", shard.why);
}

void BoundedReport::write(const Report& report) {
  text("directory", report.directory);
  range(report.range);
  json_.member("oldest_unsynced", time_text(report.oldest_unsynced));
  json_.object("total", [&] { members(report.total); });
  groups("by_sensor_type", report.by_sensor_type);
  groups("by_firmware", report.by_firmware);
  groups("by_model", report.by_model);
  groups("by_manufacturer", report.by_manufacturer);
  groups("by_location_class", report.by_location_class);
  over_time(report.over_time);
  events(report.events);
  json_.key("detectability");
  json_.put(report.detectability ? score::detectability_json(*report.detectability) : "null");
  missing(report.missing);
  gaps(report.gaps);
  json_.object("duplicates", [&] {
    json_.member("readings", report.duplicates.readings);
    json_.member("is_estimate", report.duplicates.is_estimate);
  });
  json_.object("delivery", [&] {
    for (std::size_t i = 0; i < batch::Delivery::kind_names.size(); ++i)
      json_.member(batch::Delivery::kind_names[i], report.delivery.of_kind[i]);
    json_.member("readings_held", report.delivery.held);
  });
  deleted(report.deleted());
  daily(report.daily);
  objects("runs", report.runs);
  objects("shards", report.shards);
  objects("unreadable", report.unreadable);
}

}  // namespace

std::string report_json(const Report& report) {
  std::string text;
  JsonWriter json(text, JsonLayout::indented, JsonReals::with_point);
  json.object([&] { write_report(json, report, {}); });
  return text + '\n';
}

void write_report(JsonWriter& json, const Report& report, const JsonBounds& bounds) {
  BoundedReport(json, bounds).write(report);
}

}  // namespace fleet_sim::report
