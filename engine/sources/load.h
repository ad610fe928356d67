// A load: work that goes on and off, with the total time that it has been on since some point in the distant
// past. Each root cell of 2^40 microseconds (13 days) has the same work. It is divided between its halves at
// random, and so on down to cells of 2^28 microseconds (4.5 minutes), which are on until their work is done.
// Bursts come from uneven halves.
//
// All of it is whole microseconds: the work of two halves is that of the whole, so `work` is exactly the
// number of microseconds before the moment during which the load was on. Immutable; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/timestamp.h"
#include "sources/lattice.h"
#include "sources/schedule.h"
#include "types/signal_declaration.h"

namespace fleet_sim::sources {

class Load {
 public:
  static constexpr int root_exponent = 40;
  static constexpr int leaf_exponent = 28;

  Load(const types::Load& load, const zones::Zone& zone);

  struct Moment {
    Microseconds work;
    bool on;
  };
  [[nodiscard]] Moment at(std::uint64_t key, Timestamp at) const;

  // The work before the root cell that the moment lies in; cheap.
  [[nodiscard]] Microseconds work_before_root(std::uint64_t key, Timestamp at) const;

  // The share of all time that it is on.
  [[nodiscard]] double mean() const;

 private:
  // A part, -1 to 1, of what the halves of a cell can differ by.
  static constexpr int part_bits = 22;
  static constexpr std::int64_t whole_part = std::int64_t{1} << part_bits;
  static constexpr int burst_bits = 16;

  [[nodiscard]] std::int64_t part_of(std::uint64_t word) const;

  Schedule schedule_;
  Microseconds work_per_root_;
  std::int64_t burst_;  // · 2^burst_bits
};

}  // namespace fleet_sim::sources
