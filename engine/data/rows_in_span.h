// Whether a data directory already holds readings of certain sensors in a span of time, in whichever of its
// files: what a start asks, so that the same rows are not written twice. Costs a bounded number of look-ups a
// file, however many rows it has: rows lie in the order of their ids almost as in that of time, from the
// first row of a run to its last, so that rows far apart tell where the span is, and only some rows of the
// span are read. A sensor that has few readings among very many of others may be overlooked. Files that are
// no shards, or cannot be read now, hold nothing. Any thread; changes no file.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/timestamp.h"

namespace fleet_sim::data {

struct RowsInSpan {
  std::filesystem::path file;
  std::string sensor_id;  // one of those asked for
  Timestamp first = 0;    // what the file holds of the span, of any sensor, lies between …
  Timestamp last = 0;     // … these
};

// The first file, by name, that has rows due at `from` or later and before `to`, of a sensor that is asked
// for.
std::optional<RowsInSpan> find_rows_in_span(const std::filesystem::path& directory, Timestamp from,
                                            Timestamp to,
                                            const std::function<bool(std::string_view)>& is_asked_for);

}  // namespace fleet_sim::data
