#include "start/refuse_doubling.h"

#include <fmt/format.h>

#include <string_view>
#include <unordered_set>

#include "base/plain_text.h"
#include "base/problems.h"
#include "data/rows_in_span.h"

namespace fleet_sim::start {

void refuse_doubling(const config::Config& config, const identity::Roster& roster,
                     std::span<const std::uint32_t> members, Timestamp from, std::optional<Timestamp> until) {
  std::unordered_set<std::string_view> ids;
  ids.reserve(members.size());
  for (const std::uint32_t member : members) ids.insert(roster[member].id);
  const auto rows = data::find_rows_in_span(config.data_directory(), from, until.value_or(latest_timestamp),
                                            [&](std::string_view id) { return ids.contains(id); });
  if (!rows) return;
  const std::string span = until ? fmt::format("from {} to {}", timestamp_text(from), timestamp_text(*until))
                                 : fmt::format("that starts at {}", timestamp_text(from));
  throw InvalidInput(fmt::format(
      "{}: already has readings of these sensors (such as {}) between {} and {}; a run {} would write them a "
      "second time. Continue the earlier run with --resume, choose another --data-dir, or add them anyway "
      "with --append",
      rows->file.string(), in_quotes(rows->sensor_id), timestamp_text(rows->first),
      timestamp_text(rows->last), span));
}

}  // namespace fleet_sim::start
