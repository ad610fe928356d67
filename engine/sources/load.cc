#include "sources/load.h"

#include <algorithm>
#include <cassert>

namespace fleet_sim::sources {

Load::Load(const types::Load& load, const zones::Zone& zone)
    : schedule_(load.schedule, zone),
      work_per_root_(
          static_cast<Microseconds>(load.duty * static_cast<double>(length_of_cell(root_exponent)) + 0.5)),
      burst_(static_cast<std::int64_t>(load.burst * (1 << burst_bits) + 0.5)) {
  assert(load.duty >= 0 && load.duty <= 1 && load.burst >= 0 && load.burst <= 100);
}

// burst · (2U - 1), from the upper half of the word, cut off at -1 and 1.
std::int64_t Load::part_of(std::uint64_t word) const {
  const auto deviation = static_cast<std::int32_t>(word >> 32);  // (2U - 1) · 2^31
  return std::clamp(deviation * burst_ >> (31 + burst_bits - part_bits), -whole_part, whole_part);
}

// Without a branch that depends on the moment: the way down is as random as the moment.
Load::Moment Load::at(std::uint64_t key, Timestamp at) const {
  const Schedule::Moment scheduled = schedule_.at(at);
  const Cell root = cell_at(key, root_exponent, scheduled.elapsed);
  Microseconds done = root.number * work_per_root_;  // before the cell …
  Microseconds work = work_per_root_;                // … and in it
  for (int exponent = root_exponent; exponent > leaf_exponent; --exponent) {
    const std::int64_t upper = root.into >> exponent;
    const std::int64_t number = (root.number << (root_exponent - exponent)) | upper;
    const std::int64_t part = part_of(word_of(key, exponent, number));
    // The first half gets as much more than half of the work as the second half gets less; neither more
    // than its length.
    const Microseconds room = std::min(work, length_of_cell(exponent) - work);
    const Microseconds first = (work + (part * room >> part_bits)) >> 1;
    const std::int64_t second_half = root.into >> (exponent - 1) & 1;
    done += first & -second_half;
    work = second_half != 0 ? work - first : first;
  }
  const Microseconds into = root.into & (length_of_cell(leaf_exponent) - 1);
  return {done + std::min(into, work), scheduled.open && into < work};
}

Microseconds Load::work_before_root(std::uint64_t key, Timestamp at) const {
  return cell_at(key, root_exponent, schedule_.at(at).elapsed).number * work_per_root_;
}

double Load::mean() const {
  return static_cast<double>(work_per_root_) / static_cast<double>(length_of_cell(root_exponent)) *
         schedule_.share();
}

}  // namespace fleet_sim::sources
