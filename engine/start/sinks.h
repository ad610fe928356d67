// The sink of a run, and what a run has to know about it.
#pragma once

#include <memory>
#include <string_view>

#include "config/config.h"
#include "sqlite/sqlite_sink.h"
#include "tables/schema.h"
#include "write/destination.h"
#include "write/sinks.h"

namespace fleet_sim::start {

// What SQLite's sink needs in addition: what it records of the run in each file. Borrowed; outlives the sink.
struct SinkParts : write::SinkParts {
  const tables::RunInfo& run;
  sqlite::ExpectedFiles found;  // of a run that is resumed
  sqlite::SqliteSink::SensorPlaces sensors;
};

struct SinkKind {
  config::Sink sink;
  // Whether its rows are kept in the files of a data directory, which can be locked, read back and resumed.
  bool keeps_files;
  std::string_view name;  // for people; a sink that keeps files is named by its data directory
  std::unique_ptr<write::Sink> (*make)(const SinkParts& parts);
};

[[nodiscard]] const SinkKind& sink_of(const config::Config& config);

}  // namespace fleet_sim::start
