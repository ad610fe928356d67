#include "benchmark/results.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/clock.h"
#include "base/text.h"

namespace fleet_sim::benchmark {
namespace {

using Row = std::vector<std::string>;

std::string whole(double value) {
  return grouped(static_cast<std::uint64_t>(std::llround(std::max(0.0, value))));
}

std::string milliseconds(Microseconds span) {
  return fmt::format("{:.{}f}", static_cast<double>(span) * 1e-3,
                     span < 10'000      ? 2
                     : span < 1'000'000 ? 1
                                        : 0);
}

// The settings of a cell, as the first columns of a table: those that some cell has, and that differ.
struct SettingColumn {
  std::string_view head;
  bool is_shown;
  bool is_of_files;
  std::string (*text)(const BenchCell& cell);
};

std::vector<SettingColumn> setting_columns(const BenchReport& report) {
  const bool files = report.has_files();
  const BenchMatrix& matrix = report.options.matrix;
  const bool has_rates = matrix.rates.size() > 1;
  return {{"sink", report.has_others(), false, [](const BenchCell& cell) { return cell.sink.text(); }},
          {"shards", files, true, [](const BenchCell& cell) { return std::to_string(cell.shards); }},
          {"writers", true, false, [](const BenchCell& cell) { return std::to_string(cell.writers); }},
          {"batch", true, false, [](const BenchCell& cell) { return std::to_string(cell.batch_size); }},
          {"synchronous", files, true,
           [](const BenchCell& cell) { return std::string(name_of(cell.synchronous)); }},
          {"index", files, true,
           [](const BenchCell& cell) { return std::string(cell.unsynced_index ? "on" : "off"); }},
          {"collectors", files, true, [](const BenchCell& cell) { return std::to_string(cell.collectors); }},
          {"queries", matrix.queries.size() > 1, true,
           [](const BenchCell& cell) { return std::to_string(cell.queries); }},
          {"page bytes", matrix.page_sizes.size() > 1, true,
           [](const BenchCell& cell) { return std::to_string(cell.page_size); }},
          {"layout", matrix.layouts.size() > 1, true,
           [](const BenchCell& cell) { return std::string(name_of(cell.layout)); }},
          {"rate", has_rates, false, [](const BenchCell& cell) { return whole(cell.rate.value_or(0)); }}};
}

// What is said of each cell behind its settings.
class CellTable {
 public:
  CellTable(const BenchReport& report, std::string title, const Row& more)
      : columns_(setting_columns(report)), table_{std::move(title), {}, {}} {
    for (const SettingColumn& column : columns_) {
      if (column.is_shown) table_.header.emplace_back(column.head);
    }
    table_.header.insert(table_.header.end(), more.begin(), more.end());
  }

  void add(const BenchCell& cell, Row more) {
    Row row;
    for (const SettingColumn& column : columns_) {
      if (column.is_shown) row.push_back(column.is_of_files && !cell.fills_files() ? "" : column.text(cell));
    }
    std::ranges::move(more, std::back_inserter(row));
    row.resize(table_.header.size());
    table_.rows.push_back(std::move(row));
  }

  [[nodiscard]] BenchTable take() { return std::move(table_); }

 private:
  std::vector<SettingColumn> columns_;
  BenchTable table_;
};

std::string bytes_per_reading_text(const CellResult& result) {
  const double bytes = result.bytes_per_reading();
  return bytes > 0 ? fmt::format("{:.1f}", bytes) : "";
}

BenchTable throughput_table(const BenchReport& report) {
  CellTable table(report, "Throughput in readings per second",
                  {"median", "min", "max", "x base", "bytes/reading"});
  for (const CellResult& result : report.cells) {
    if (result.rounds.empty()) {
      table.add(result.cell, {result.failure.empty() ? "not measured" : "failed"});
      continue;
    }
    const Spread rate = result.rows_per_second();
    table.add(result.cell,
              {whole(rate.median), whole(rate.min), whole(rate.max),
               fmt::format("{:.2f}", ratio(result, report.cells.front())), bytes_per_reading_text(result)});
  }
  return table.take();
}

std::string_view latency_name(const BenchReport& report) {
  return report.has_others() ? "Latency until acknowledged" : "Commit latency";
}

BenchTable latency_table(const BenchReport& report) {
  const bool has_rates = report.options.matrix.rates.size() > 1;
  CellTable table(
      report,
      fmt::format("{}{}, in ms from when a reading was due", latency_name(report),
                  has_rates ? "" : fmt::format(" at {} readings/s", whole(*report.cells.front().cell.rate))),
      {"achieved/s", "p50", "p99", "p99.9", "max", "bytes/reading"});
  for (const CellResult& result : report.cells) {
    if (result.rounds.empty()) {
      table.add(result.cell, {result.failure.empty() ? "not measured" : "failed"});
      continue;
    }
    const Histogram& latency = result.latency;
    table.add(result.cell, {whole(result.rows_per_second().median), milliseconds(latency.percentile(0.5)),
                            milliseconds(latency.percentile(0.99)), milliseconds(latency.percentile(0.999)),
                            milliseconds(latency.max()), bytes_per_reading_text(result)});
  }
  return table.take();
}

BenchTable search_table(const BenchReport& report) {
  BenchTable table{
      fmt::format("Rates tried, latencies in ms; p99 must be at most {} ms", report.options.p99_bound_ms),
      {"offered/s", "achieved/s", "p50", "p99", "p99.9", "max", "held"},
      {}};
  if (report.has_others()) table.header.insert(table.header.begin(), "sink");
  for (const CellResult& result : report.cells) {
    for (const SearchStep& step : result.steps) {
      Row row{whole(step.rate),
              whole(step.rows_per_second),
              milliseconds(step.latency_p50),
              milliseconds(step.latency_p99),
              milliseconds(step.latency_p999),
              milliseconds(step.latency_max),
              step.held ? "yes" : "no"};
      if (report.has_others()) row.insert(row.begin(), result.cell.sink.text());
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}

BenchTable collector_table(const BenchReport& report) {
  CellTable table(report, "Collectors, latencies in ms",
                  {"collected/s", "poll p50", "poll p99", "mark p50", "mark p99", "errors"});
  for (const CellResult& result : report.cells) {
    if (result.cell.collectors == 0 || result.rounds.empty()) continue;
    const CollectorTally& tally = result.collectors;
    table.add(result.cell,
              {whole(static_cast<double>(tally.collected) / tally.seconds),
               milliseconds(tally.poll.percentile(0.5)), milliseconds(tally.poll.percentile(0.99)),
               milliseconds(tally.mark.percentile(0.5)), milliseconds(tally.mark.percentile(0.99)),
               grouped(tally.errors)});
  }
  return table.take();
}

BenchTable query_table(const BenchReport& report) {
  CellTable table(report, "Queries of one shard, latencies in ms",
                  {"query", "asked", "p50", "p99", "max", "rows of a shard"});
  for (const CellResult& result : report.cells) {
    if (result.cell.queries == 0 || result.rounds.empty()) continue;
    const std::string rows = whole(static_cast<double>(result.rounds.back().rows) / result.cell.shards);
    for (std::size_t i = 0; i < queries.size(); ++i) {
      const Histogram& latency = result.queries.latency[i];
      if (latency.count() == 0) {
        table.add(result.cell, {std::string(queries[i].what), "0", "-", "-", "-", rows});
        continue;
      }
      table.add(result.cell, {std::string(queries[i].what), grouped(latency.count()),
                              milliseconds(latency.percentile(0.5)), milliseconds(latency.percentile(0.99)),
                              milliseconds(latency.max()), rows});
    }
  }
  return table.take();
}

double fastest(const BenchReport& report) {
  double most = 0;
  for (const CellResult& result : report.cells) {
    most = std::max(most, result.rows_per_second().median);
    for (const SearchStep& step : result.steps) most = std::max(most, step.rows_per_second);
  }
  return most;
}

std::string generator_text(const BenchReport& report) {
  if (report.generator_rows_per_second == 0) return "not measured";
  std::string text = whole(report.generator_rows_per_second) + " readings/s into the null sink";
  const double most = fastest(report);
  if (most == 0) return text;
  const double times = report.generator_rows_per_second / most;
  text += fmt::format(", {:.1f} x the highest rate written", times);
  return times < 2 ? text + ": it may limit the figures" : text + ": it does not limit the figures";
}

std::string rounds_text(const BenchOptions& options) {
  if (options.find_rate) return {};
  return options.rounds == 1 ? ", 1 round" : fmt::format(", {} interleaved rounds", options.rounds);
}

std::string padded(const std::string& text, std::size_t width) {
  return std::string(width - std::min(width, count_characters(text)), ' ') + text;
}

void add_failures(const BenchReport& report, std::vector<std::string>& notes) {
  for (const CellResult& result : report.cells) {
    if (!result.failure.empty())
      notes.push_back(fmt::format("FAILED {}: {}", cell_text(result.cell), result.failure));
    if (result.disk_bound_reached()) {
      notes.push_back(cell_text(result.cell) + ": cut short by the disk limit (--max-disk)");
    }
    if (result.not_taken > 0) {
      notes.push_back(fmt::format(
          "{}: the rate is too high: {} readings were not generated in time; each counts with the "
          "time it had waited",
          cell_text(result.cell), grouped(result.not_taken)));
    }
    if (result.collectors.errors > 0) {
      notes.push_back(
          fmt::format("{}: a collector failed: {}", cell_text(result.cell), result.collectors.first_error));
    }
    if (result.queries.errors > 0) {
      notes.push_back(
          fmt::format("{}: a query failed: {}", cell_text(result.cell), result.queries.first_error));
    }
  }
  for (const CellResult& result : report.cells) {
    for (const SearchStep& step : result.steps) {
      if (step.failure.empty()) continue;
      const std::string sink = report.has_others() ? result.cell.sink.text() + ", " : "";
      notes.push_back(fmt::format("{}{} readings/s: {}", sink, whole(step.rate), step.failure));
    }
  }
}

// Of the type that was asked for, and what its readings cost without storage.
std::string type_text(const BenchReport& report) {
  const std::string& type = report.options.load.type;
  if (type.empty()) return {};
  return fmt::format(" of type {} (computing a reading takes about {:.0f} ns)", type,
                     report.reading_nanoseconds);
}

std::string settings_text(const BenchReport& report) {
  const config::Config config = bench_config({}, report.options.load, "", {});
  const config::SqliteSettings& sqlite = config.sqlite;
  const std::vector<std::uint32_t>& page_sizes = report.options.matrix.page_sizes;
  const std::string flush = fmt::format("flush interval {} ms", config.write.flush_interval_ms);
  if (!report.has_files()) return flush;
  return fmt::format("WAL, {}cache {} KiB and checkpoint every {} pages per file, {}, busy timeout {} ms",
                     page_sizes.size() > 1 ? "" : fmt::format("page size {}, ", page_sizes.front()),
                     sqlite.cache_kib, sqlite.checkpoint_pages, flush, sqlite.busy_timeout_ms);
}

}  // namespace

Spread spread_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  const double median = values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {median, values.front(), values.back()};
}

void CellResult::add(const Measurement& measured) {
  if (failure.empty()) failure = measured.failure;
  collectors.add(measured.collectors);
  queries.add(measured.queries);
  if (!measured.failure.empty()) return;
  rounds.push_back({measured.seconds, measured.rows, measured.rows_per_second, measured.bytes,
                    measured.latency.percentile(0.99), measured.disk_bound_reached});
  latency.merge(measured.latency);
  not_taken += measured.not_taken;
}

Spread CellResult::rows_per_second() const {
  std::vector<double> values;
  for (const Round& round : rounds) values.push_back(round.rows_per_second);
  return spread_of(std::move(values));
}

double CellResult::bytes_per_reading() const {
  double bytes = 0;
  double rows = 0;
  for (const Round& round : rounds) {
    bytes += static_cast<double>(round.bytes);
    rows += static_cast<double>(round.rows);
  }
  return rows > 0 ? bytes / rows : 0;
}

bool CellResult::disk_bound_reached() const {
  return std::ranges::any_of(rounds, &Round::disk_bound_reached);
}

double ratio(const CellResult& cell, const CellResult& base) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < std::min(cell.rounds.size(), base.rounds.size()); ++i) {
    if (base.rounds[i].rows_per_second > 0) {
      ratios.push_back(cell.rounds[i].rows_per_second / base.rounds[i].rows_per_second);
    }
  }
  return spread_of(std::move(ratios)).median;
}

bool BenchReport::failed() const {
  const auto cell_failed = [](const CellResult& result) { return !result.failure.empty(); };
  const auto none_held = [](const CellResult& result) { return !result.highest_rate; };
  return std::ranges::any_of(cells, cell_failed) ||
         (options.find_rate && complete && std::ranges::any_of(cells, none_held));
}

bool BenchReport::has_files() const {
  return std::ranges::any_of(cells, [](const CellResult& result) { return result.cell.fills_files(); });
}

bool BenchReport::has_others() const {
  return std::ranges::any_of(cells, [](const CellResult& result) { return !result.cell.fills_files(); });
}

std::vector<std::pair<std::string, std::string>> bench_facts(const BenchReport& report) {
  const MachineFacts& machine = report.machine;
  const BenchLoad& load = report.options.load;
  std::vector<std::pair<std::string, std::string>> facts{
      {"fleet-sim",
       report.has_files() ? fmt::format("{}, SQLite {}", machine.version, machine.sqlite) : machine.version},
      {"date", machine.date},
      {"processor", fmt::format("{}, {} cores", machine.processor, machine.cores)},
      {"kernel", machine.kernel},
      {"disk", fmt::format("{} ({} on {})", machine.directory, machine.file_system, machine.device)}};
  for (const auto& [address, what] : report.targets) {
    if (report.has_others()) facts.emplace_back("sink", what.empty() ? address : address + ", " + what);
  }
  facts.emplace_back("settings", settings_text(report));
  facts.emplace_back("fleet", fmt::format("{} sensors{}, {} s a measurement{}", grouped(load.sensors),
                                          type_text(report), load.seconds, rounds_text(report.options)));
  facts.emplace_back("generator", generator_text(report));
  return facts;
}

std::vector<std::string> bench_notes(const BenchReport& report) {
  const BenchOptions& options = report.options;
  std::vector<std::string> notes;
  if (!report.complete) notes.emplace_back("INTERRUPTED: only the measurements before the interrupt");
  add_failures(report, notes);
  for (const BenchCell& cell : report.left_out) {
    notes.push_back(fmt::format("{}: left out: {}", cell_text(cell), why_left_out(cell)));
  }
  if (report.is_paced() || options.find_rate) {
    notes.push_back(
        fmt::format("latency includes deliberate waits: up to {} ms to generate readings together, up to {} "
                    "ms to commit rows together (--flush-interval)",
                    wake_interval.count(), options.load.flush_interval_ms));
  } else {
    notes.emplace_back("times include closing all files; x base is the median of the rounds' ratios");
  }
  return notes;
}

std::string highest_rate_text(const CellResult& result, const BenchReport& report) {
  std::string text = result.steps.empty() ? "not measured" : "no rate held";
  if (result.highest_rate) text = fmt::format("highest rate: {} readings/s", whole(*result.highest_rate));
  return report.cells.size() > 1 ? fmt::format("{}: {}", result.cell.sink.text(), text) : text;
}

std::vector<BenchTable> bench_tables(const BenchReport& report) {
  if (report.options.find_rate) return {search_table(report)};
  std::vector<BenchTable> tables{report.is_paced() ? latency_table(report) : throughput_table(report)};
  BenchTable collectors = collector_table(report);
  if (!collectors.rows.empty()) tables.push_back(std::move(collectors));
  BenchTable asked = query_table(report);
  if (!asked.rows.empty()) tables.push_back(std::move(asked));
  return tables;
}

std::string text_of(const BenchTable& table) {
  std::vector<std::size_t> widths;
  for (const std::string& head : table.header) widths.push_back(count_characters(head));
  for (const Row& row : table.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], count_characters(row[i]));
  }
  const auto line = [&](const Row& row) {
    std::string text;
    for (std::size_t i = 0; i < row.size(); ++i) text += "  " + padded(row[i], widths[i]);
    return text.substr(0, text.find_last_not_of(' ') + 1) + '\n';
  };
  std::string text = table.title + '\n' + line(table.header);
  for (const Row& row : table.rows) text += line(row);
  return text;
}

std::string bench_text(const BenchReport& report) {
  std::string text;
  for (const auto& [name, value] : bench_facts(report)) text += fmt::format("  {:<11}{}\n", name, value);
  for (const BenchTable& table : bench_tables(report)) text += '\n' + text_of(table);
  text += '\n';
  if (report.options.find_rate) {
    for (const CellResult& result : report.cells) text += highest_rate_text(result, report) + '\n';
  }
  for (const std::string& note : bench_notes(report)) text += note + '\n';
  return text;
}

}  // namespace fleet_sim::benchmark
