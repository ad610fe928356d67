// The results of a benchmark, and the forms they are shown in: aligned text, JSON, and a self-contained page
// of HTML. The forms are pure; a report is filled by the main thread.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/histogram.h"
#include "benchmark/cell.h"
#include "benchmark/machine.h"
#include "benchmark/options.h"

namespace fleet_sim::benchmark {

struct Spread {
  double median = 0;  // of an even number of values the mean of the middle two
  double min = 0;
  double max = 0;
};
Spread spread_of(std::vector<double> values);  // zeros when there are none

// One rate that the search tried.
struct SearchStep {
  double rate = 0;
  double rows_per_second = 0;
  Microseconds latency_p50 = 0;
  Microseconds latency_p99 = 0;
  Microseconds latency_p999 = 0;
  Microseconds latency_max = 0;
  bool held = false;
  std::string failure;
};

// One cell: all of its rounds, or the rates that a search tried.
struct CellResult {
  explicit CellResult(const BenchCell& c) : cell(c) {}

  struct Round {
    double seconds = 0;
    std::uint64_t rows = 0;
    double rows_per_second = 0;
    std::uint64_t bytes = 0;
    Microseconds latency_p99 = 0;
    bool disk_bound_reached = false;
  };

  BenchCell cell;
  std::vector<Round> rounds;
  Histogram latency;  // of all rounds together
  CollectorTally collectors;
  QueryTally queries;
  std::uint64_t not_taken = 0;
  std::string failure;  // the first; no more rounds after it
  std::vector<SearchStep> steps;
  std::optional<double> highest_rate;  // of the search

  void add(const Measurement& measured);
  [[nodiscard]] Spread rows_per_second() const;
  [[nodiscard]] double bytes_per_reading() const;  // 0 without rows, or if it is not known
  [[nodiscard]] bool disk_bound_reached() const;
};

// Median of the ratios to another cell, round by round; 0 when they have no round in common.
double ratio(const CellResult& cell, const CellResult& base);

struct BenchReport {
  BenchOptions options;
  MachineFacts machine;
  bool complete = false;
  double reading_nanoseconds = 0;        // computing a reading takes; 0: not measured
  double generator_rows_per_second = 0;  // into the null sink; 0: not measured
  std::deque<CellResult> cells;          // each stays where it is
  std::vector<BenchCell> left_out;
  std::vector<std::pair<std::string, std::string>> targets;  // the address of each sink, and what is there

  // Whether some cell fills files of SQLite, and whether some cell writes elsewhere.
  [[nodiscard]] bool has_files() const;
  [[nodiscard]] bool has_others() const;
  // Whether readings are due at a rate, which all cells then have.
  [[nodiscard]] bool is_paced() const { return !cells.empty() && cells.front().cell.rate.has_value(); }
  [[nodiscard]] bool failed() const;
};

// What holds for every cell, as names and values.
std::vector<std::pair<std::string, std::string>> bench_facts(const BenchReport& report);
// What a reader has to know to read the tables, a sentence each.
std::vector<std::string> bench_notes(const BenchReport& report);

// "highest rate: 20,000 readings/s", with the sink if there are several.
std::string highest_rate_text(const CellResult& result, const BenchReport& report);

struct BenchTable {
  std::string title;
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
};
std::vector<BenchTable> bench_tables(const BenchReport& report);

// Columns aligned by characters, not bytes; every line ended.
std::string text_of(const BenchTable& table);

std::string bench_text(const BenchReport& report);
std::string bench_json(const BenchReport& report);
std::string bench_html(const BenchReport& report);

// With places for the tables and for what its script plots; embedded at build time.
extern const std::string_view bench_page;

}  // namespace fleet_sim::benchmark
