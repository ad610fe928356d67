#include "start/sinks.h"

#include <algorithm>
#include <array>

namespace fleet_sim::start {
namespace {

std::unique_ptr<write::Sink> make_sqlite(const SinkParts& parts) {
  return std::make_unique<sqlite::SqliteSink>(
      sqlite::ShardContext{parts.roster, parts.files, parts.run, {}}, parts.most_open, parts.log, parts.found,
      sqlite::SqliteSink::SensorPlaces{parts.places, parts.writer},
      parts.by_sensor ? sqlite::SqliteSink::Filling::by_sensor : sqlite::SqliteSink::Filling::by_time);
}

// What a build does not have is not named either, so the linker does not miss it. No config comes this far.
#define SINK(name, built, ...)                                       \
  std::unique_ptr<write::Sink> make_##name(const SinkParts& parts) { \
    if constexpr (built) {                                           \
      return name::make_sink(parts);                                 \
    } else {                                                         \
      return nullptr;                                                \
    }                                                                \
  }
#include "config/sinks.def"
#undef SINK

constexpr std::array sinks{
    SinkKind{config::Sink::sqlite, true, make_sqlite},
#define SINK(name, ...) SinkKind{config::Sink::name, false, make_##name},
#include "config/sinks.def"
#undef SINK
};

}  // namespace

const SinkKind& sink_of(const config::Config& config) {
  return *std::ranges::find(sinks, config.sink.address.sink, &SinkKind::sink);
}

std::optional<std::string> folder_of_run(const config::Config& config) {
  const config::SinkAddress& address = config.sink.address;
  const bool leaves_nothing = address.is_stream() && config.sqlite.data_dir.empty();
  if (address.sink == config::Sink::null || leaves_nothing) return std::nullopt;
  return config.data_directory();
}

bool takes_standard_output(const config::Config& config) {
  return config.sink.address.target == "-" || config.sink.events == "fd:1";
}

std::string place_of_readings(const config::Config& config) {
  if (sink_of(config).keeps_files) return config.data_directory();
  const std::string_view people = config::row_of(config.sink.address.sink).people;
  return people.empty() ? config.sink.address.text() : std::string(people);
}

}  // namespace fleet_sim::start
