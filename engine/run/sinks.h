// Where sinks are made, and what a run has to know about each: the one table of them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "config/config.h"
#include "identity/identity.h"
#include "sqlite/schema.h"
#include "sqlite/sqlite_sink.h"
#include "write/destination.h"

namespace fleet_sim::run {

// What a sink of one writer may need. Borrowed; outlives the sink.
struct SinkParts {
  const identity::Roster& roster;
  const config::Config& config;
  const batch::Schema& schema;  // of the readings
  const sqlite::RunInfo& run;
  std::size_t most_open;                        // files or connections of this writer
  std::function<void(const std::string&)> log;  // one line per change of state; any thread
  sqlite::ExpectedFiles found;                  // of a run that is resumed
};

struct SinkKind {
  config::Sink sink;
  // Whether its rows are kept in the files of a data directory, which can be locked, read back and resumed.
  bool keeps_files;
  std::string_view name;  // for people; of one that keeps files, the data directory is named
  std::unique_ptr<write::Sink> (*make)(const SinkParts& parts);
};

[[nodiscard]] const SinkKind& sink_of(const config::Config& config);

}  // namespace fleet_sim::run
