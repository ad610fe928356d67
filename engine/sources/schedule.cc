#include "sources/schedule.h"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <limits>

namespace fleet_sim::sources {
namespace {

constexpr Microseconds first_monday = 4 * microseconds_per_day;  // 1970-01-05

}  // namespace

Schedule::Schedule(std::span<const types::Hours> hours, const zones::Zone& zone) {
  if (hours.empty()) return;
  open_per_week_ = 0;
  for (const types::Hours& open : hours) {
    assert(open.from >= 0 && open.from < open.until && open.until <= microseconds_per_week);
    assert(openings_.empty() || openings_.back().from + openings_.back().length <= open.from);
    openings_.push_back({open.from, open.until - open.from, open_per_week_});
    open_per_week_ += open.until - open.from;
  }
  // Where an offset takes over from the one before, the clock reads what it read.
  offsets_.push_back({std::numeric_limits<Timestamp>::min(), zone.offset_at(0), 0});
  for (auto change = zone.next_change(0); change && change->at < zones::zone_tables_end;
       change = zone.next_change(change->at)) {
    const Offset& before = offsets_.back();
    const Microseconds reads = before.ahead + at_local(change->at + before.of_clock).elapsed;
    offsets_.push_back({change->at, change->offset, reads - at_local(change->at + change->offset).elapsed});
  }
}

Schedule::Moment Schedule::at_local(Microseconds local) const {
  const Microseconds since = local - first_monday;
  const std::int64_t week = since / microseconds_per_week - (since % microseconds_per_week < 0 ? 1 : 0);
  const Microseconds of_week = since - week * microseconds_per_week;
  Moment moment{week * open_per_week_, false};
  for (const Opening& opening : openings_) {
    if (of_week < opening.from) break;
    const Microseconds into = of_week - opening.from;
    moment = {week * open_per_week_ + opening.before + std::min(into, opening.length), into < opening.length};
  }
  return moment;
}

Schedule::Moment Schedule::at(Timestamp at) const {
  if (openings_.empty()) return {at, true};
  const auto later = std::ranges::upper_bound(offsets_.begin() + 1, offsets_.end(), at, {}, &Offset::since);
  const Offset& offset = *(later - 1);
  Moment moment = at_local(at + offset.of_clock);
  moment.elapsed += offset.ahead;
  return moment;
}

double Schedule::share() const {
  return static_cast<double>(open_per_week_) / static_cast<double>(microseconds_per_week);
}

}  // namespace fleet_sim::sources
