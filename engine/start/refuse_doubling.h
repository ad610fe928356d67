// Refuses a start that would write readings which the data directory has already: the same sensors at the
// same time, in whichever file. Main thread, while starting, with the directory locked, so that nobody else
// writes them meanwhile. Throws InvalidInput, which names the file and what to do instead.
#pragma once

#include <optional>
#include <span>

#include "base/timestamp.h"
#include "config/config.h"
#include "identity/identity.h"

namespace fleet_sim::start {

// `from` is the start of the run, `until` its end; none: it runs until stopped.
void refuse_doubling(const config::Config& config, const identity::Roster& roster,
                     std::span<const std::uint32_t> members, Timestamp from, std::optional<Timestamp> until);

}  // namespace fleet_sim::start
