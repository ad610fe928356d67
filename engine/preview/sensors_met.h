// How many sensors an entry of a scenario meets: that are, when it first begins, as its `where` says, which
// depends on what earlier entries have made of them by then. Pure, any thread; takes timelines over some of
// the sensors, one after the other, and the time to pass through everything before.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "identity/identity.h"
#include "timeline/script.h"

namespace fleet_sim::preview {

// None: the entry never begins, or `may_go_on`, which is asked at each moment, has said no before.
std::optional<std::uint64_t> sensors_met(std::shared_ptr<const timeline::Script> script, std::uint32_t entry,
                                         const identity::Roster& roster,
                                         std::span<const std::uint32_t> members,
                                         const std::function<bool()>& may_go_on);

}  // namespace fleet_sim::preview
