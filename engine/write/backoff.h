// How long to wait before trying again: exponential, capped, with jitter so that many shards on one sick disk
// do not all knock at once. A pure function; the caller keeps the deadline and never sleeps on it.
#pragma once

#include <cstdint>

#include "base/timestamp.h"

namespace fleet_sim::write {

struct BackoffPolicy {
  Microseconds first;
  Microseconds longest;
};

// The wait before attempt `attempt` (1, 2, …): first · 2^(attempt-1), at most `longest`, times a factor of
// 0.5 .. 1 taken from `word`.
Microseconds backoff_delay(const BackoffPolicy& policy, unsigned attempt, std::uint64_t word);

}  // namespace fleet_sim::write
