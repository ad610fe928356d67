// The sinks that a config can name: where readings go. SQLite's files, and a row of sinks.def for each other.
// Constants; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace fleet_sim::config {

enum class Sink : std::uint8_t {
  sqlite,
#define SINK(name, ...) name,
#include "config/sinks.def"
#undef SINK
};

// In the order of the enumerators.
struct SinkWord {
  std::string_view word;     // in the config
  std::string_view meaning;  // in the help; empty where the word says it all
};
inline constexpr std::array sink_words{
    SinkWord{"sqlite", ""},
#define SINK(name, people, meaning) SinkWord{#name, meaning},
#include "config/sinks.def"
#undef SINK
};

inline constexpr std::array<std::string_view, sink_words.size()> sink_names = [] {
  std::array<std::string_view, sink_words.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = sink_words[i].word;
  return names;
}();

// "sqlite|null", and "Where readings go: sqlite, or null (generated and dropped)". Valid for as long as the
// process runs.
std::string_view sink_notation();
std::string_view sink_help();

}  // namespace fleet_sim::config
