// A value that follows a load with a delay, like a body that the load heats: 0 when it has long been off, 1
// when it has long been on. Instead of keeping the state of the body, this weighs what the load did in each
// of eight spans of the past: e^(-s) by chords between s = 0, 1/4, 1/2, 1, 3/2, 2, 3, 9/2 and 7 time
// constants. Immutable; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/timestamp.h"
#include "sources/load.h"

namespace fleet_sim::sources {

class Lag {
 public:
  // `tau` is at least 4 µs.
  explicit Lag(Microseconds tau);

  // `now` is what the load is at that moment.
  [[nodiscard]] double at(const Load& load, std::uint64_t key, Timestamp at, const Load::Moment& now) const;

 private:
  struct Span {
    Microseconds ago;  // when it began
    double weight;     // of a microsecond of work
  };
  std::array<Span, 8> spans_;
};

}  // namespace fleet_sim::sources
