// The sink of a run, and what a run has to know about it. While starting.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "config/config.h"
#include "sqlite/sqlite_sink.h"
#include "tables/schema.h"
#include "write/destination.h"
#include "write/sinks.h"

namespace fleet_sim::start {

// What SQLite's sink needs in addition. Borrowed; outlives the sink.
struct SinkParts : write::SinkParts {
  const config::SqliteSettings& files;  // with what the config leaves to the run
  sqlite::ExpectedFiles found;          // of a run that is resumed
  const write::Places& places;
  bool by_sensor = false;  // its files are filled one after the other
};

struct SinkKind {
  config::Sink sink;
  // Whether its rows are kept in the files of a data directory, which can be locked, read back and resumed.
  bool keeps_files;
  std::unique_ptr<write::Sink> (*make)(const SinkParts& parts);
};

[[nodiscard]] const SinkKind& sink_of(const config::Config& config);

// The folder for what a run leaves beside its readings, which it locks; none for a sink that leaves nothing
// behind, unless the config names one.
[[nodiscard]] std::optional<std::string> folder_of_run(const config::Config& config);

// Whether readings or events go to standard output, which is then theirs alone.
[[nodiscard]] bool takes_standard_output(const config::Config& config);

// Where readings go, for people: the data directory, a kind of sink, or its address.
[[nodiscard]] std::string place_of_readings(const config::Config& config);

}  // namespace fleet_sim::start
