#include "start/sinks.h"

#include <algorithm>
#include <array>

namespace fleet_sim::start {
namespace {

std::unique_ptr<write::Sink> make_sqlite(const SinkParts& parts) {
  return std::make_unique<sqlite::SqliteSink>(
      sqlite::ShardContext{parts.roster, parts.config.sqlite, parts.run, {}}, parts.most_open, parts.log,
      parts.found, parts.sensors);
}

template <std::unique_ptr<write::Sink> (*make)(const write::SinkParts&)>
std::unique_ptr<write::Sink> make_other(const SinkParts& parts) {
  return make(parts);
}

constexpr std::array sinks{
    SinkKind{config::Sink::sqlite, true, "SQLite", make_sqlite},
#define SINK(name, people, meaning) SinkKind{config::Sink::name, false, people, make_other<name::make_sink>},
#include "config/sinks.def"
#undef SINK
};

}  // namespace

const SinkKind& sink_of(const config::Config& config) {
  return *std::ranges::find(sinks, config.write.sink, &SinkKind::sink);
}

}  // namespace fleet_sim::start
