#include "sources/schedule.h"

#include <algorithm>
#include <cassert>
#include <cstddef>

namespace fleet_sim::sources {
namespace {

constexpr Microseconds first_monday = 4 * microseconds_per_day;  // 1970-01-05

}  // namespace

Schedule::Schedule(std::span<const types::Hours> hours, std::span<const ZoneChange> zone) : zone_(zone) {
  if (hours.empty()) return;
  open_per_week_ = 0;
  for (const types::Hours& open : hours) {
    assert(open.from >= 0 && open.from < open.until && open.until <= microseconds_per_week);
    assert(openings_.empty() || openings_.back().from + openings_.back().length <= open.from);
    openings_.push_back({open.from, open.until - open.from, open_per_week_});
    open_per_week_ += open.until - open.from;
  }
  // Where an offset takes over from the one before, the clock reads what it read.
  const std::span<const ZoneChange> changes = zone_.changes();
  ahead_.push_back(0);
  for (std::size_t i = 1; i < changes.size(); ++i) {
    const Timestamp at = changes[i].first;
    const Microseconds reads = ahead_.back() + at_local(at + changes[i - 1].second).elapsed;
    ahead_.push_back(reads - at_local(at + changes[i].second).elapsed);
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
  const std::size_t change = zone_.change_before(at);
  Moment moment = at_local(at + zone_.changes()[change].second);
  moment.elapsed += ahead_[change];
  return moment;
}

double Schedule::share() const {
  return static_cast<double>(open_per_week_) / static_cast<double>(microseconds_per_week);
}

}  // namespace fleet_sim::sources
