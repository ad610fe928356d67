// How the sinks of config/sinks.def are made, one for each writer. While starting; may throw.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "config/config.h"
#include "identity/identity.h"
#include "write/destination.h"

namespace fleet_sim::tables {
struct RunInfo;
}

namespace fleet_sim::write {

// What a sink of one writer may need. Borrowed; outlives the sink.
struct SinkParts {
  const identity::Roster& roster;
  const config::Config& config;  // with the address: sink.address
  const tables::RunInfo& run;    // complete once the run begins
  std::uint32_t writer;          // which one, from 0
  std::size_t types;             // of sensors, as the run begins
  std::size_t most_open;         // files or connections of this writer
  Lines log;
};

}  // namespace fleet_sim::write

// The room of a sink makes it; where the definition is missing, the linker names it.
#define SINK(name, ...)                                                  \
  namespace fleet_sim::name {                                            \
  std::unique_ptr<write::Sink> make_sink(const write::SinkParts& parts); \
  }
#include "config/sinks.def"
#undef SINK
