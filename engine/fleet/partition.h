// Which of N partitions this process simulates, when it was told `auto/N`: what started the process gives it
// an index from 0 to N-1 in its environment, and index 0 is partition 1. An Indexed Job of Kubernetes sets
// JOB_COMPLETION_INDEX; a pod of a StatefulSet ends its name, in POD_NAME or HOSTNAME, with "-" and its
// ordinal. The first of these that is set counts, and an empty one is not set. Pure; any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "config/config.h"

namespace fleet_sim::fleet {

// The value of an environment variable; nothing when it is empty or not set.
using VariableLookup = std::function<std::optional<std::string>(const char* name)>;

// Puts the index into a partition that leaves it to the environment. Returns what is wrong, or an empty
// string.
std::string resolve_partition(config::Partition& partition, const VariableLookup& variable);

}  // namespace fleet_sim::fleet
