#include "write/backoff.h"

#include <algorithm>

#include "base/random.h"

namespace fleet_sim::write {

Microseconds backoff_delay(const BackoffPolicy& policy, unsigned attempt, std::uint64_t word) {
  const unsigned doublings = std::min(attempt > 0 ? attempt - 1 : 0, 20u);
  const Microseconds delay = std::min(policy.first << doublings, policy.longest);
  return static_cast<Microseconds>(static_cast<double>(delay) * uniform(word, 0.5, 1.0));
}

}  // namespace fleet_sim::write
