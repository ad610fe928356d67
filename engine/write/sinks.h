// How the sinks of config/sinks.def are made, one for each writer. While starting; may throw.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "config/config.h"
#include "identity/identity.h"
#include "write/destination.h"

namespace fleet_sim::write {

// What a sink of one writer may need. Borrowed; outlives the sink.
struct SinkParts {
  const identity::Roster& roster;
  const config::Config& config;
  std::size_t most_open;  // files or connections of this writer
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
