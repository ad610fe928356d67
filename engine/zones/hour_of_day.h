// Which hour of the day a moment lies in, by the clock of a place. The last one that was found is looked at
// first, because readings come almost in order. One thread at a time.
#pragma once

#include <cstddef>

#include "base/timestamp.h"
#include "zones/zone.h"

namespace fleet_sim::zones {

inline constexpr std::size_t hours_per_day = 24;

class HourOfDay {
 public:
  std::size_t of(Timestamp at, const Zone& zone) {
    const Timestamp local = at + zone.offset_at(at);
    if (local < begins_ || local >= begins_ + hour) find(local);
    return number_;
  }

 private:
  static constexpr Microseconds hour = microseconds_per_day / static_cast<Microseconds>(hours_per_day);

  void find(Timestamp local) {
    Microseconds of_day = local % microseconds_per_day;
    if (of_day < 0) of_day += microseconds_per_day;
    number_ = static_cast<std::size_t>(of_day / hour);
    begins_ = local - of_day % hour;
  }

  Timestamp begins_ = 0;  // by that clock
  std::size_t number_ = 0;
};

}  // namespace fleet_sim::zones
