// Where each sensor's rows go: to a writer, and to one of that writer's shards. A reload adds places while
// writers look theirs up, so a place never moves.
#pragma once

#include <tbb/concurrent_vector.h>

#include <cstdint>

namespace fleet_sim::write {

struct Place {
  std::uint32_t writer = 0;
  std::uint32_t shard = 0;  // of that writer

  bool operator==(const Place&) const = default;
};

using Places = tbb::concurrent_vector<Place>;  // by roster index

}  // namespace fleet_sim::write
