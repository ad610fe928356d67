// The JSON form of a benchmark's report. Durations in seconds.
#include <fmt/format.h>

#include "base/json_writer.h"
#include "benchmark/results.h"
#include "types/built_in_type.h"

namespace fleet_sim::benchmark {
namespace {

double seconds(Microseconds span) {
  return static_cast<double>(span) * 1e-6;
}

void add_histogram(JsonWriter& json, std::string_view name, const Histogram& histogram) {
  json.object(name, [&] {
    json.member("count", histogram.count());
    json.member("p50", seconds(histogram.percentile(0.5)));
    json.member("p90", seconds(histogram.percentile(0.9)));
    json.member("p99", seconds(histogram.percentile(0.99)));
    json.member("p99.9", seconds(histogram.percentile(0.999)));
    json.member("max", seconds(histogram.max()));
  });
}

void add_cell(JsonWriter& json, const BenchCell& cell) {
  json.member("sink", cell.sink.text());
  if (cell.fills_files()) json.member("shards", cell.shards);
  json.member("writers", cell.writers);
  json.member("batch_size", cell.batch_size);
  if (cell.rate) json.member("offered_per_second", *cell.rate);
  if (!cell.fills_files()) return;
  json.member("synchronous", name_of(cell.synchronous));
  json.member("index", cell.unsynced_index);
  json.member("collectors", cell.collectors);
  json.member("queries", cell.queries);
  json.member("page_size", cell.page_size);
  json.member("layout", name_of(cell.layout));
}

void add_round(JsonWriter& json, const CellResult::Round& round, bool paced) {
  json.object([&] {
    json.member("seconds", round.seconds);
    json.member("rows", round.rows);
    json.member("rows_per_second", round.rows_per_second);
    json.member("bytes", round.bytes);
    json.member("disk_bound_reached", round.disk_bound_reached);
    if (paced) json.member("latency_p99_seconds", seconds(round.latency_p99));
  });
}

void add_collected(JsonWriter& json, const CollectorTally& tally) {
  json.object("collected", [&] {
    json.member("seconds", tally.seconds);
    json.member("collected", tally.collected);
    json.member("errors", tally.errors);
    add_histogram(json, "poll_seconds", tally.poll);
    add_histogram(json, "mark_seconds", tally.mark);
  });
}

void add_queried(JsonWriter& json, const QueryTally& tally) {
  json.object("queried", [&] {
    json.member("errors", tally.errors);
    for (std::size_t i = 0; i < queries.size(); ++i)
      add_histogram(json, fmt::format("{}_seconds", queries[i].name), tally.latency[i]);
  });
}

void add_rate(JsonWriter& json, const Spread& rate) {
  json.object("rows_per_second", [&] {
    json.member("median", rate.median);
    json.member("min", rate.min);
    json.member("max", rate.max);
  });
}

void add_result(JsonWriter& json, const CellResult& result, bool paced) {
  json.object([&] {
    add_cell(json, result.cell);
    add_rate(json, result.rows_per_second());
    if (result.bytes_per_reading() > 0) json.member("bytes_per_reading", result.bytes_per_reading());
    if (paced) {
      add_histogram(json, "latency_seconds", result.latency);
      json.member("not_taken", result.not_taken);
    }
    if (result.cell.collectors > 0) add_collected(json, result.collectors);
    if (result.cell.queries > 0) add_queried(json, result.queries);
    if (!result.failure.empty()) json.member("failure", result.failure);
    json.array("rounds", result.rounds,
               [&](const CellResult::Round& round) { add_round(json, round, paced); });
  });
}

void add_step(JsonWriter& json, const SearchStep& step) {
  json.object([&] {
    json.member("rate", step.rate);
    json.member("rows_per_second", step.rows_per_second);
    json.member("p50_seconds", seconds(step.latency_p50));
    json.member("p99_seconds", seconds(step.latency_p99));
    json.member("p99.9_seconds", seconds(step.latency_p999));
    json.member("max_seconds", seconds(step.latency_max));
    json.member("held", step.held);
    if (!step.failure.empty()) json.member("failure", step.failure);
  });
}

void add_machine(JsonWriter& json, const MachineFacts& machine) {
  json.object("machine", [&] {
    json.member("processor", machine.processor);
    json.member("cores", machine.cores);
    json.member("kernel", machine.kernel);
    json.member("directory", machine.directory);
    json.member("file_system", machine.file_system);
    json.member("device", machine.device);
    json.member("sqlite", machine.sqlite);
  });
}

void add_settings(JsonWriter& json, const BenchLoad& load) {
  const config::Config config = bench_config({}, load, "", {});
  json.object("settings", [&] {
    json.member("seconds", load.seconds);
    json.member("warm_up_seconds", load.warm_up_seconds);
    json.member("sensors", load.sensors);
    json.member("type", load.type.empty() ? types::built_in_type().schema.type() : load.type);
    json.member("disk_bytes", load.disk_bytes);
    json.member("flush_interval_ms", config.write.flush_interval_ms);
    json.member("cache_kib", config.sqlite.cache_kib);
    json.member("checkpoint_pages", config.sqlite.checkpoint_pages);
    json.member("busy_timeout_ms", config.sqlite.busy_timeout_ms);
  });
}

const char* mode_of(const BenchReport& report) {
  if (report.options.find_rate) return "find_rate";
  return report.is_paced() ? "rate" : "throughput";
}

void add_search(JsonWriter& json, const CellResult& result) {
  json.member("highest_rate", result.highest_rate);
  json.object("cell", [&] { add_cell(json, result.cell); });
  json.array("steps", result.steps, [&](const SearchStep& step) { add_step(json, step); });
}

// That of one cell without ado, several as a list.
void add_searches(JsonWriter& json, const BenchReport& report) {
  json.member("p99_bound_seconds", report.options.p99_bound_ms * 1e-3);
  if (report.cells.size() == 1) return add_search(json, report.cells.front());
  json.array("searches", report.cells,
             [&](const CellResult& result) { json.object([&] { add_search(json, result); }); });
}

void add_targets(JsonWriter& json, const BenchReport& report) {
  json.array("sinks", report.targets, [&](const auto& target) {
    json.object([&] {
      json.member("address", target.first);
      if (!target.second.empty()) json.member("what", target.second);
    });
  });
}

void add_report(JsonWriter& json, const BenchReport& report) {
  const BenchLoad& load = report.options.load;
  json.member("fleet_sim", report.machine.version);
  json.member("date", report.machine.date);
  json.member("mode", mode_of(report));
  json.member("complete", report.complete);
  add_machine(json, report.machine);
  if (report.has_others()) add_targets(json, report);
  add_settings(json, load);
  json.member("reading_nanoseconds", report.reading_nanoseconds);
  json.member("generator_rows_per_second", report.generator_rows_per_second);
  if (report.is_paced() && report.options.matrix.rates.size() == 1)
    json.member("offered_per_second", *report.cells.front().cell.rate);
  if (report.options.find_rate) {
    add_searches(json, report);
  } else {
    json.array("cells", report.cells,
               [&](const CellResult& result) { add_result(json, result, report.is_paced()); });
  }
  json.array("notes", bench_notes(report));
}

}  // namespace

std::string bench_json(const BenchReport& report) {
  std::string text;
  JsonWriter json(text, JsonLayout::indented, JsonReals::with_point);
  json.object([&] { add_report(json, report); });
  return text + '\n';
}

}  // namespace fleet_sim::benchmark
