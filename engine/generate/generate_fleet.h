// The sensors that `fleet-sim generate` writes: the fifteen of the demo, or any number drawn from a mix. A
// drawn sensor is a pure function of (mix, seed, its number), so a fleet is the same on every machine and a
// larger one begins with the smaller one. Values only; any thread; nothing fails but memory.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "generate/mix.h"
#include "identity/identity.h"

namespace fleet_sim::generate {

// What to write: sensor `index`, from 0, and the name of its file in a folder. Each is made when asked for,
// so that a fleet of millions takes no memory.
struct PlannedFleet {
  std::uint64_t size = 0;
  std::function<identity::IdentityRecord(std::uint64_t index)> record;
  std::function<std::string(std::uint64_t index)> file_name;
};

// The sensors of the demo, under the file names they are shipped with.
PlannedFleet demo_fleet();
PlannedFleet drawn_fleet(const Mix& mix, std::uint64_t seed, std::uint64_t count);

// The sensor with this number, 1 .. count. Numbers are padded to six digits, or to those of `count` if it has
// more.
identity::IdentityRecord generated_identity(const Mix& mix, std::uint64_t seed, std::uint64_t number,
                                            std::uint64_t count);

}  // namespace fleet_sim::generate
