// Time zones made for a test.
#pragma once

#include <deque>
#include <utility>
#include <vector>

#include "zones/zone.h"

namespace fleet_sim::test {

// A zone that is `first` ahead of UTC until its first change. As tables do, it lives as long as the process.
inline zones::Zone zone_of(Microseconds first, std::vector<zones::ZoneChange> changes) {
  static std::deque<zones::ZoneTable> tables;
  return zones::Zone(tables.emplace_back("Test/Zone", first, std::move(changes)));
}

}  // namespace fleet_sim::test
