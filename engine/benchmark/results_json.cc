// The JSON form of a benchmark's report. Durations in seconds.
#include <nlohmann/json.hpp>

#include "benchmark/results.h"

namespace fleet_sim::benchmark {
namespace {

using Json = nlohmann::ordered_json;

double seconds(Microseconds span) {
  return static_cast<double>(span) * 1e-6;
}

Json json_of(const Histogram& histogram) {
  return {{"count", histogram.count()},
          {"p50", seconds(histogram.percentile(0.5))},
          {"p90", seconds(histogram.percentile(0.9))},
          {"p99", seconds(histogram.percentile(0.99))},
          {"p99.9", seconds(histogram.percentile(0.999))},
          {"max", seconds(histogram.max())}};
}

Json json_of(const BenchCell& cell) {
  return {{"shards", cell.shards},         {"writers", cell.writers},
          {"batch_size", cell.batch_size}, {"synchronous", name_of(cell.synchronous)},
          {"index", cell.unsynced_index},  {"collectors", cell.collectors}};
}

Json json_of(const CellResult::Round& round, bool paced) {
  Json json{{"seconds", round.seconds},
            {"rows", round.rows},
            {"rows_per_second", round.rows_per_second},
            {"bytes", round.bytes},
            {"disk_bound_reached", round.disk_bound_reached}};
  if (paced) json["latency_p99_seconds"] = seconds(round.latency_p99);
  return json;
}

Json json_of(const CollectorTally& tally) {
  return {{"seconds", tally.seconds},
          {"collected", tally.collected},
          {"errors", tally.errors},
          {"poll_seconds", json_of(tally.poll)},
          {"mark_seconds", json_of(tally.mark)}};
}

Json json_of(const CellResult& result, bool paced) {
  Json json = json_of(result.cell);
  const Spread rate = result.rows_per_second();
  json["rows_per_second"] = {{"median", rate.median}, {"min", rate.min}, {"max", rate.max}};
  json["bytes_per_reading"] = result.bytes_per_reading();
  if (paced) {
    json["latency_seconds"] = json_of(result.latency);
    json["not_taken"] = result.not_taken;
  }
  if (result.cell.collectors > 0) json["collected"] = json_of(result.collectors);
  if (!result.failure.empty()) json["failure"] = result.failure;
  json["rounds"] = Json::array();
  for (const CellResult::Round& round : result.rounds) json["rounds"].push_back(json_of(round, paced));
  return json;
}

Json json_of(const SearchStep& step) {
  Json json{{"rate", step.rate},
            {"rows_per_second", step.rows_per_second},
            {"p50_seconds", seconds(step.latency_p50)},
            {"p99_seconds", seconds(step.latency_p99)},
            {"p99.9_seconds", seconds(step.latency_p999)},
            {"max_seconds", seconds(step.latency_max)},
            {"held", step.held}};
  if (!step.failure.empty()) json["failure"] = step.failure;
  return json;
}

Json json_of(const MachineFacts& machine) {
  return {{"processor", machine.processor},
          {"cores", machine.cores},
          {"kernel", machine.kernel},
          {"directory", machine.directory},
          {"file_system", machine.file_system},
          {"device", machine.device},
          {"sqlite", machine.sqlite}};
}

Json settings_json(const BenchReport& report) {
  const BenchLoad& load = report.options.load;
  const config::Config config = bench_config({}, load, "");
  return {{"seconds", load.seconds},
          {"warm_up_seconds", load.warm_up_seconds},
          {"sensors", load.sensors},
          {"disk_bytes", load.disk_bytes},
          {"flush_interval_ms", config.write.flush_interval_ms},
          {"page_size", config.sqlite.page_size},
          {"cache_kib", config.sqlite.cache_kib},
          {"checkpoint_pages", config.sqlite.checkpoint_pages},
          {"busy_timeout_ms", config.sqlite.busy_timeout_ms}};
}

const char* mode_of(const BenchOptions& options) {
  if (options.find_rate) return "find_rate";
  return options.load.rate ? "rate" : "throughput";
}

}  // namespace

std::string bench_json(const BenchReport& report) {
  Json json{{"fleet_sim", report.machine.version},
            {"date", report.machine.date},
            {"mode", mode_of(report.options)},
            {"complete", report.complete},
            {"machine", json_of(report.machine)},
            {"settings", settings_json(report)},
            {"generator_rows_per_second", report.generator_rows_per_second}};
  const bool paced = report.options.load.rate.has_value();
  if (paced) json["offered_per_second"] = *report.options.load.rate;
  if (report.options.find_rate) {
    json["p99_bound_seconds"] = report.options.p99_bound_ms * 1e-3;
    json["highest_rate"] = report.highest_rate ? Json(*report.highest_rate) : Json();
    json["cell"] = json_of(report.cells.front().cell);
    json["steps"] = Json::array();
    for (const SearchStep& step : report.steps) json["steps"].push_back(json_of(step));
  } else {
    json["cells"] = Json::array();
    for (const CellResult& result : report.cells) json["cells"].push_back(json_of(result, paced));
  }
  json["notes"] = bench_notes(report);
  // A path may hold any bytes; those that are no UTF-8 are replaced.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace fleet_sim::benchmark
