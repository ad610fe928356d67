// Where each sensor's rows go: to a writer, and to one of that writer's shards, which has a target. A reload
// adds places while writers look theirs up, so a place never moves.
#pragma once

#include <tbb/concurrent_vector.h>

#include <cstdint>
#include <string>
#include <vector>

#include "types/built_in_type.h"
#include "types/schema.h"

namespace fleet_sim::write {

struct Place {
  std::uint32_t writer = 0;
  std::uint32_t shard = 0;  // of that writer

  bool operator==(const Place&) const = default;
};

// What a destination is made for: the file of a shard or, for other sinks, what stands for it. All of its
// sensors are of one type. Borrows the schema.
struct Target {
  std::string name;
  const types::Schema* schema = &types::built_in_type().schema;

  bool operator==(const Target&) const = default;
};
using Targets = std::vector<std::vector<Target>>;  // per writer

using Places = tbb::concurrent_vector<Place>;  // by roster index

}  // namespace fleet_sim::write
