#include "config/sinks.h"

#include <fmt/format.h>

#include <string>

namespace fleet_sim::config {
namespace {

std::string joined_sink_names() {
  std::string notation;
  for (const std::string_view name : sink_names) {
    notation += (notation.empty() ? "" : "|") + std::string(name);
  }
  return notation;
}

std::string described_sinks() {
  std::string list;
  for (const SinkWord& sink : sink_words) {
    if (!list.empty()) list += &sink == &sink_words.back() ? ", or " : ", ";
    list += sink.word;
    if (!sink.meaning.empty()) list += fmt::format(" ({})", sink.meaning);
  }
  return fmt::format("Where readings go: {}", list);
}

}  // namespace

std::string_view sink_notation() {
  static const std::string notation = joined_sink_names();
  return notation;
}

std::string_view sink_help() {
  static const std::string help = described_sinks();
  return help;
}

}  // namespace fleet_sim::config
