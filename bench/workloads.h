// What the workloads of the menu (main.cc) do, a file per family. Each call is one measurement: it makes what
// it needs, times its part, and returns the figure in the unit that the menu names. Throws on any error.
#pragma once

#include <filesystem>

#include "config/sinks.h"
#include "workload.h"

namespace fleet_sim::bench {

// ---- load.cc ----
// `generate`'s fleet, written and then read once, so that it is warm.
void prepare_identity_files(const std::filesystem::path& input);  // 100,000
void prepare_identity_lines(const std::filesystem::path& input);  // 1,000,000

// Seconds to load and validate them, as `check` does.
double load_seconds(const Folders& folders);

// ---- tick.cc ----
// Readings per second of one thread.
double tick_rate(const Folders& folders);
double tick_told_rate(const Folders& folders);  // with a scenario, and imperfect delivery

// ---- queue.cc ----
// Nanoseconds per row of a full batch that goes from the pool through a queue to another thread and back.
double queue_nanoseconds(const Folders& folders);

// ---- insert.cc ----
// Rows per second of one thread, closing the files included.
double insert_rate(const Folders& folders, const ReferenceLoad& load);

// ---- sensors.cc ----
// Each builds a million sensors in a process of its own.
double sensor_bytes(const Folders& folders);   // resident
double build_seconds(const Folders& folders);  // from the identities in memory to the fleet
// Of a sensor, what the tick touches.
double hot_bytes(const Folders& folders);

// ---- report.cc, export.cc ----
// Five million rows in 16 shards, with the collector's index.
void prepare_shards(const std::filesystem::path& input);

// Rows per second, on all cores.
double report_rate(const Folders& folders);
double export_rate(const Folders& folders);  // as CSV, to nowhere

// ---- sinks.cc ----
// Rows per second that the sink takes of readings that are ready.
double ndjson_rate(const Folders& folders);
// Those from the cohort to where the sink puts them, and those of the bare loop that does only that. The
// server takes PostgreSQL's protocol or line protocol, as its address says.
double ndjson_run_rate(const Folders& folders);
double ndjson_bare_rate(const Folders& folders);
double server_rate(const Folders& folders, const config::SinkAddress& server);
double server_bare_rate(const Folders& folders, const config::SinkAddress& server);

// ---- sql.cc ----
// As many rows in one file.
void prepare_one_file(const std::filesystem::path& input);

// Rows per second that a query groups and counts.
double sql_rate(const Folders& folders);      // over the files of prepare_shards
double sql_one_rate(const Folders& folders);  // over the one file, without our virtual tables

}  // namespace fleet_sim::bench
