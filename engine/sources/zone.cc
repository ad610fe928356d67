#include "sources/zone.h"

#include <algorithm>
#include <cassert>

namespace fleet_sim::sources {

Zone::Zone(std::span<const ZoneChange> changes) : changes_(changes.begin(), changes.end()) {
  assert(std::ranges::is_sorted(changes_, {}, &ZoneChange::first));
  if (changes_.empty()) changes_.emplace_back(0, 0);
}

std::size_t Zone::change_before(Timestamp at) const {
  const auto later = std::upper_bound(changes_.begin() + 1, changes_.end(), at,
                                      [](Timestamp t, const ZoneChange& change) { return t < change.first; });
  return static_cast<std::size_t>(later - changes_.begin()) - 1;
}

}  // namespace fleet_sim::sources
