// What a scenario says of sensors instead of what their identities say: a table of the few combinations that
// there are, each of which has an index that a reading carries beside its sensor. What stands in it stays for
// good. Any thread adds, under a lock held for a moment, or reads an index that it has been handed since.
// Bounded: a table that is full keeps to what it has.
#pragma once

#include <tbb/concurrent_vector.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>

namespace fleet_sim::identity {

enum class Text : std::uint32_t;

using OverlayIndex = std::uint16_t;  // 0: the identity as it is

// Texts of the Roster; the empty one: what the identity says.
struct Overlay {
  Text location{};
  Text manufacturer{};
  Text model{};
  Text firmware_version{};

  auto operator<=>(const Overlay&) const = default;
};

class Overlays {
 public:
  static constexpr std::size_t most = 65'535;  // beside the empty one

  Overlays() { table_.push_back({}); }

  [[nodiscard]] const Overlay& operator[](OverlayIndex index) const { return table_[index]; }

  // What `below` is once `change` has been laid over it; `below` itself if the table is full.
  OverlayIndex with(OverlayIndex below, const Overlay& change);

 private:
  tbb::concurrent_vector<Overlay> table_;
  std::mutex mutex_;
  std::map<Overlay, OverlayIndex> index_of_;
};

}  // namespace fleet_sim::identity
