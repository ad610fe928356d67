// Which ids are in a roster already: a hash table of roster indices with open addressing, 8 bytes a slot and
// at most half full, because a million ids would take 60 MB in an unordered_map. Used while loading, by one
// thread; borrows the roster at every call. Fails only for want of memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "identity/identity.h"

namespace fleet_sim::identity {

class IdIndex {
 public:
  static constexpr std::uint32_t none = UINT32_MAX;

  // The index of the identity with this id. When there is none, remembers that the next one added is going to
  // have it.
  std::uint32_t find_or_claim(const Roster& roster, std::string_view id) {
    if (2 * (used_ + 1) > slots_.size()) grow();
    const auto hash = static_cast<std::uint32_t>(hash_text(id));
    std::size_t at = home(hash);
    for (; slots_[at].index != none; at = after(at)) {
      if (slots_[at].hash == hash && roster[slots_[at].index].id == id) return slots_[at].index;
    }
    slots_[at] = {static_cast<std::uint32_t>(roster.size()), hash};
    ++used_;
    return none;
  }

 private:
  struct Slot {
    std::uint32_t index = none;
    std::uint32_t hash = 0;
  };

  [[nodiscard]] std::size_t home(std::uint32_t hash) const { return hash & (slots_.size() - 1); }
  [[nodiscard]] std::size_t after(std::size_t at) const { return (at + 1) & (slots_.size() - 1); }

  void grow() {
    constexpr std::size_t fewest_slots = 1'024;  // always a power of two
    const auto old = std::exchange(slots_, std::vector<Slot>(std::max(fewest_slots, 2 * slots_.size())));
    for (const Slot& slot : old) {
      if (slot.index == none) continue;
      std::size_t at = home(slot.hash);
      while (slots_[at].index != none) at = after(at);
      slots_[at] = slot;
    }
  }

  std::vector<Slot> slots_;
  std::size_t used_ = 0;
};

}  // namespace fleet_sim::identity
