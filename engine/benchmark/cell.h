// One measurement of one cell: a fleet of its own in a folder or target of its own, written by the product's
// own write path (Simulator), and removed afterwards. Without a rate the fleet fills history as fast as it
// can; with one it is paced, and each reading's latency runs from when it was due until it was acknowledged,
// so falling behind shows. Main thread. What storage refuses is a failure in the result, not an exception.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/histogram.h"
#include "base/timestamp.h"
#include "benchmark/collectors.h"
#include "benchmark/matrix.h"
#include "benchmark/queries.h"
#include "run/simulator.h"
#include "types/declared_type.h"

namespace fleet_sim::benchmark {

// How a cell is measured; the same for all of them.
struct BenchLoad {
  double seconds = 2;
  double warm_up_seconds = 1;  // paced only: comes before, and does not count
  std::uint32_t flush_interval_ms = 1'000;
  std::uint32_t sensors = 1'000;
  std::string type;            // of all of them; empty: the built-in one
  types::DeclaredTypes types;  // of which it may be
  std::string password_file;   // for the addresses of sinks; empty: none
  // When the readings of a fleet without a rate begin.
  Timestamp history_start = 1'767'225'600 * microseconds_per_second;  // 2026-01-01
  std::uint64_t disk_bytes = 2'000'000'000;                           // never more at a time
  std::string directory = ".";                                        // the folder is made in here
};

// What one measurement came to. Not to be copied: the histograms are large.
struct Measurement {
  double seconds = 0;  // until the files were closed; paced: those that count
  std::uint64_t rows = 0;
  double rows_per_second = 0;  // acknowledged
  double simulated_seconds = 0;
  std::uint64_t bytes = 0;      // of the closed files, or of what the target has; 0: not known
  std::uint64_t not_taken = 0;  // paced: readings so late that the measurement ended before they were taken
  bool disk_bound_reached = false;
  Histogram latency;  // paced only: from due to acknowledged
  CollectorTally collectors;
  QueryTally queries;
  std::string failure;  // empty: none
};

// Nanoseconds that a sensor takes for a reading at the cell's rate, measured (explain/reading_cost.h).
double reading_cost(const BenchCell& cell, const BenchLoad& load);

// The config that a cell's run has; `folder` is its data directory, `sink` where its readings go.
config::Config bench_config(const BenchCell& cell, const BenchLoad& load, const std::string& folder,
                            const config::SinkSettings& sink);

// Called about every wake_interval with where the run stands.
using BenchProgress = std::function<void(const status::Snapshot&)>;

// Measures until the time is up, the disk bound is reached, or a signal comes.
void measure_cell(const BenchCell& cell, const BenchLoad& load, run::StopSignals& signals,
                  const BenchProgress& progress, Measurement& result);

}  // namespace fleet_sim::benchmark
