#include "report/report_json.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace fleet_sim::report {
namespace {

using Json = nlohmann::ordered_json;

// The order in which shards are read moves the last digits of a sum; a reader need not see them.
double rounded(double value) {
  return std::round(value * 1e9) / 1e9;
}

Json json_of(const std::optional<double>& value) {
  return value ? Json(rounded(*value)) : Json();
}

Json json_of_time(const std::optional<Timestamp>& at) {
  return at ? Json(timestamp_text(*at)) : Json();
}

double seconds(Microseconds span) {
  return static_cast<double>(span) * 1e-6;
}

Json json_of(const std::optional<Interval>& interval) {
  return interval ? Json{{"low", rounded(interval->low)}, {"high", rounded(interval->high)}} : Json();
}

// Of a group's anomalous readings, by type.
Json types_of(const ReportGroup& group) {
  const std::uint64_t all = group.all_anomalous();
  const bool is_expected = group.expected && *group.expected_rate() > 0;
  Json types = Json::object();
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    Json& type = types[std::string(anomaly_type_names[k])];
    type["readings"] = group.anomalous[k];
    type["share"] =
        all == 0 ? Json() : Json(rounded(static_cast<double>(group.anomalous[k]) / static_cast<double>(all)));
    type["expected"] = is_expected ? Json(rounded((*group.expected)[k] / *group.expected_rate())) : Json();
  }
  return types;
}

Json json_of(const ReportGroup& group) {
  return {{"name", group.name},
          {"sensors", group.sensors},
          {"readings", group.readings},
          {"missing", group.missing},
          {"due", group.due()},
          {"anomalous", group.all_anomalous()},
          {"rate", json_of(group.rate)},
          {"interval", json_of(group.interval)},
          {"expected", json_of(group.expected_rate())},
          {"rate_of_rows", json_of(group.rate_of_rows())},
          {"synced", group.synced},
          {"unsynced", group.readings - group.synced},
          {"types", types_of(group)}};
}

Json json_of(const std::vector<ReportGroup>& groups) {
  Json list = Json::array();
  for (const ReportGroup& group : groups) list.push_back(json_of(group));
  return list;
}

Json json_of(const sqlite::Deletions& deleted) {
  return {{"readings", deleted.readings},
          {"events", deleted.events},
          {"until", deleted.until.empty() ? Json() : Json(deleted.until)}};
}

Json json_of(const ReportShard& shard) {
  return {{"file", shard.file},
          {"sensors", shard.sensors},
          {"readings", shard.readings},
          {"missing", shard.missing},
          {"synced", shard.synced},
          {"unsynced", shard.readings - shard.synced},
          {"oldest_unsynced", json_of_time(shard.oldest_unsynced)},
          {"first", shard.range ? json_of_time(shard.range->first) : Json()},
          {"last", shard.range ? json_of_time(shard.range->last) : Json()},
          {"gaps", shard.gaps},
          {"deleted", json_of(shard.deleted)},
          {"runs", shard.runs},
          {"nothing_expected_because",
           shard.expectation_missing.empty() ? Json() : Json(shard.expectation_missing)}};
}

Json json_of(const sqlite::RunInfo& run) {
  return {{"run_id", run.run_id},
          {"seed", run.seed},
          {"version", run.version},
          {"start", timestamp_text(run.start)},
          {"began_at", timestamp_text(run.began_at)},
          {"fleet_size", run.fleet_size},
          {"partition", run.partition},
          {"shard_by", run.shard_by},
          {"config_hash", run.config_hash}};
}

Json json_of(const DailyCurve& curve) {
  Json hours = Json::array();
  for (std::size_t hour = 0; hour < hours_per_day; ++hour) {
    const HourMean& mean = curve[hour];
    hours.push_back({{"hour", hour},
                     {"readings", mean.readings},
                     {"temperature", mean.readings == 0 ? Json() : Json(rounded(mean.mean()))}});
  }
  return hours;
}

Json json_of(const GapTally& gaps) {
  Json longest = Json::array();
  for (const Gap& gap : gaps.longest) {
    longest.push_back({{"sensor_id", gap.sensor_id},
                       {"from", timestamp_text(gap.from)},
                       {"until", timestamp_text(gap.until)},
                       {"seconds", seconds(gap.length())},
                       {"readings", gap.readings}});
  }
  return {{"count", gaps.count},
          {"readings", gaps.readings},
          {"seconds", seconds(gaps.length)},
          {"longest", std::move(longest)},
          {"between_runs", {{"count", gaps.between_runs}, {"seconds", seconds(gaps.between_runs_length)}}}};
}

}  // namespace

Json json_of(const Report& report) {
  Json daily = Json::array();
  for (const auto& [name, curve] : report.daily) {
    daily.push_back({{"location_class", name}, {"hours", json_of(curve)}});
  }
  Json unreadable = Json::array();
  for (const UnreadableShard& shard : report.unreadable) {
    unreadable.push_back({{"file", shard.file}, {"why", shard.why}});
  }
  Json runs = Json::array();
  for (const sqlite::RunInfo& run : report.runs) runs.push_back(json_of(run));
  Json shards = Json::array();
  for (const ReportShard& shard : report.shards) shards.push_back(json_of(shard));
  return {{"directory", report.directory},
          {"first", report.range ? json_of_time(report.range->first) : Json()},
          {"last", report.range ? json_of_time(report.range->last) : Json()},
          {"oldest_unsynced", json_of_time(report.oldest_unsynced)},
          {"total", json_of(report.total)},
          {"by_firmware", json_of(report.by_firmware)},
          {"by_model", json_of(report.by_model)},
          {"by_manufacturer", json_of(report.by_manufacturer)},
          {"by_location_class", json_of(report.by_location_class)},
          {"missing_data",
           {{"events", report.missing.events},
            {"readings", report.missing.readings},
            {"open_events", report.missing.open_events},
            {"readings_of_sensors_without_a_row", report.missing.without_a_row}}},
          {"gaps", json_of(report.gaps)},
          {"deleted", json_of(report.deleted())},
          {"daily", std::move(daily)},
          {"runs", std::move(runs)},
          {"shards", std::move(shards)},
          {"unreadable", std::move(unreadable)}};
}

std::string json_text(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace fleet_sim::report
