// Whether a data directory already holds readings of certain sensors in a span of time, in any of its files.
// A start asks this, so that the same rows are not written twice. The number of look-ups per file is bounded,
// however many rows it has: within a run, ids follow time almost exactly, so rows far apart show where the
// span lies, and only some rows of the span are read. A sensor with few readings among very many others may
// be overlooked. Files that are not shards, or cannot be read now, count as empty. Any thread; changes no
// file.
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

// The first file, by name, that has rows of such a sensor due at `from` or later and before `to`.
std::optional<RowsInSpan> find_rows_in_span(const std::filesystem::path& directory, Timestamp from,
                                            Timestamp to,
                                            const std::function<bool(std::string_view)>& is_asked_for);

}  // namespace fleet_sim::data
