// What did not come, once all rows have been seen: counted by sensor and hour, and as gaps. Looks at every
// reading's bit, 64 at a time; on all threads of the arena. Nothing fails.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "audit/expectation.h"
#include "audit/verdict.h"

namespace fleet_sim::audit {

inline constexpr Microseconds hour_length = 3600 * microseconds_per_second;
constexpr Timestamp hour_of(Timestamp at) {
  return at - ((at % hour_length) + hour_length) % hour_length;
}

struct MissingRows {
  struct OfTrack {
    std::uint64_t expected = 0;
    std::uint64_t missing = 0;

    OfTrack& operator+=(const OfTrack& other) {
      expected += other.expected;
      missing += other.missing;
      return *this;
    }
  };

  std::vector<OfTrack> tracks;
  std::map<Timestamp, OfTrack> hours;
  Picture picture;
  std::vector<Gap> gaps;  // the largest first, at most `most_gaps`
  std::uint64_t gap_count = 0;
  std::map<std::string, std::uint64_t> lacking;  // that the run itself lost: by reason; not counted above
};

// `seen`: a bit for each reading that came.
MissingRows find_missing(const Expectation& expected, std::span<const std::uint64_t> seen);

}  // namespace fleet_sim::audit
