// Hours of a week, in local time, as a clock that stands still outside them: what follows this clock instead
// of the time happens only in these hours, and is otherwise the same. One addition for each change of the
// zone's offset is made in advance, so the clock is exact over any number of them: an hour that a change
// repeats counts twice, one that it skips not at all. Immutable; any thread.
#pragma once

#include <span>
#include <vector>

#include "base/timestamp.h"
#include "types/signal_declaration.h"
#include "zones/zone.h"

namespace fleet_sim::sources {

inline constexpr Microseconds microseconds_per_week = 7 * microseconds_per_day;

class Schedule {
 public:
  // The hours are in order and do not overlap; none at all means always.
  Schedule(std::span<const types::Hours> hours, const zones::Zone& zone);

  struct Moment {
    Microseconds elapsed;  // of the scheduled time; from where it counts is not said
    bool open;             // whether it goes on
  };
  [[nodiscard]] Moment at(Timestamp at) const;

  // The scheduled share of a week.
  [[nodiscard]] double share() const;

 private:
  struct Opening {
    Microseconds from;    // of the local week
    Microseconds length;  // that it is open
    Microseconds before;  // open time of the week before
  };

  // How far the local clock is ahead of UTC since a moment, and how far this clock is ahead of one that had
  // always been so.
  struct Offset {
    Timestamp since;
    Microseconds of_clock;
    Microseconds ahead;
  };

  [[nodiscard]] Moment at_local(Microseconds local) const;

  std::vector<Opening> openings_;  // empty: always open
  Microseconds open_per_week_ = microseconds_per_week;
  std::vector<Offset> offsets_;  // of the local clock, in order of time; the last one holds for ever
};

}  // namespace fleet_sim::sources
