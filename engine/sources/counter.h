// A counter: what a rate has added up to, computed for any moment without adding up the moments before. The
// rate is a constant and loads, whose work is known exactly. Immutable; any thread.
//
// It never falls, unless it wraps: each number that it is made of rises with time and is rounded by
// operations that keep the order. At `since` it shows a hashed number, up to about what a year adds.
#pragma once

#include <cstdint>
#include <vector>

#include "base/timestamp.h"
#include "sources/device.h"
#include "sources/keys.h"
#include "sources/source_set.h"
#include "types/signal_declaration.h"

namespace fleet_sim::sources {

class Counter {
 public:
  // `channel` is the hash of the channel's name; the sources are those of the declaration.
  Counter(const types::Counter& counter, std::uint64_t channel, const SourceSet& sources);

  // The whole steps of the resolution that it shows.
  [[nodiscard]] double steps(const SourceSet& sources, const Keys& keys, Timestamp at) const;

  [[nodiscard]] const Resolution& resolution() const { return resolution_; }

 private:
  struct Rate {
    std::size_t source;
    double steps;  // per microsecond of work
  };

  Resolution resolution_;
  std::uint64_t channel_;
  Timestamp since_;
  double base_;  // steps per microsecond
  std::vector<Rate> rates_;
  double steps_per_year_;
  std::int64_t wrap_;  // in steps; 0: nowhere
};

}  // namespace fleet_sim::sources
