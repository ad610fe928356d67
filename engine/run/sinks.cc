#include "run/sinks.h"

#include <algorithm>
#include <array>

#include "write/null_sink.h"

namespace fleet_sim::run {
namespace {

std::unique_ptr<write::Sink> make_sqlite(const SinkParts& parts) {
  return std::make_unique<sqlite::SqliteSink>(
      sqlite::ShardContext{parts.roster, parts.config.sqlite, parts.run, {}, parts.schema}, parts.most_open,
      parts.log, parts.found);
}

std::unique_ptr<write::Sink> make_null(const SinkParts&) {
  return std::make_unique<write::NullSink>();
}

// A line for each sink.
constexpr std::array sinks{SinkKind{config::Sink::sqlite, true, "SQLite", make_sqlite},
                           SinkKind{config::Sink::null, false, "the null sink", make_null}};

static_assert(sinks.size() == config::sink_words.size(), "each sink that a config can name is made here");

}  // namespace

const SinkKind& sink_of(const config::Config& config) {
  return *std::ranges::find(sinks, config.write.sink, &SinkKind::sink);
}

}  // namespace fleet_sim::run
