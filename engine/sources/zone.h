// Local time as a table: how far it is ahead of UTC, and since when. One entry is a fixed offset; daylight
// saving is an entry for each change. Local time is microseconds since 1970-01-01 00:00 on the local clock.
// Immutable; any thread.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "base/timestamp.h"

namespace fleet_sim::sources {

// Since when (UTC), and by how much local time is ahead from then on.
using ZoneChange = std::pair<Timestamp, Microseconds>;

class Zone {
 public:
  // In order of time. The first entry holds before its time, too; none means UTC.
  explicit Zone(std::span<const ZoneChange> changes);

  [[nodiscard]] std::span<const ZoneChange> changes() const { return changes_; }

  // The place of the change that a moment follows.
  [[nodiscard]] std::size_t change_before(Timestamp at) const;

  [[nodiscard]] Microseconds local(Timestamp at) const { return at + changes_[change_before(at)].second; }

 private:
  std::vector<ZoneChange> changes_;  // at least one
};

}  // namespace fleet_sim::sources
