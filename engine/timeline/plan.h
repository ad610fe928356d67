// The entries of a scenario on the clock of a run: when each begins, and when it reaches no more because
// another refers to it. Values; pure, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/timestamp.h"
#include "scenario/entry.h"

namespace fleet_sim::timeline {

struct PlannedEntry {
  scenario::Entry entry;
  Timestamp at = 0;
  Timestamp last = latest_timestamp;      // it reaches no sensor after this
  std::optional<std::uint32_t> ended_by;  // the entry that begins then and refers to it
  std::optional<std::uint32_t> follows;   // the one that it refers to, which stands before it
};

using Plan = std::vector<PlannedEntry>;  // in the order of the config

// Of a run that begins at `start`. The entries have been checked by whoever read them.
Plan plan_of(const scenario::Entries& entries, Timestamp start);

// Entries that begin before the run, or before one that they refer to. The texts begin with the key:
// "at 2026-01-01 is before the start …".
struct PlanProblem {
  std::size_t entry = 0;
  std::string text;
};
std::vector<PlanProblem> problems_of(const Plan& plan, Timestamp start);

}  // namespace fleet_sim::timeline
