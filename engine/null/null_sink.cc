#include "null/null_sink.h"

#include "write/sinks.h"

namespace fleet_sim::null {

std::unique_ptr<write::Sink> make_sink(const write::SinkParts&) {
  return std::make_unique<NullSink>();
}

}  // namespace fleet_sim::null
