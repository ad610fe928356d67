// A report as JSON, with every shard. Names are those of the text's columns and of the tables; shares are
// from 0 to 1, times UTC text, spans seconds; null stands for what does not exist. Pure; any thread.
#pragma once

#include <cstddef>
#include <limits>
#include <string>

#include "base/json_writer.h"
#include "report/report.h"

namespace fleet_sim::report {

// How long lists and texts may be: unlimited, except on a page.
struct JsonBounds {
  std::size_t list = std::numeric_limits<std::size_t>::max();  // of groups the largest, in their order
  std::size_t text_bytes = std::numeric_limits<std::size_t>::max();
};

// One object, indented, and the end of its line.
std::string report_json(const Report& report);

// Writes the members of that object.
void write_report(JsonWriter& json, const Report& report, const JsonBounds& bounds);

}  // namespace fleet_sim::report
