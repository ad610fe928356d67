#include "timeline/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "base/plain_text.h"

namespace fleet_sim::timeline {
namespace {

Timestamp begin_of(const scenario::Beginning& at, Timestamp start) {
  return at.after_start ? std::min(start + at.time, latest_timestamp) : at.time;
}

}  // namespace

Plan plan_of(const scenario::Entries& entries, Timestamp start) {
  Plan plan;
  plan.reserve(entries.size());
  std::unordered_map<std::string_view, std::uint32_t> index_of;
  for (std::uint32_t i = 0; i < entries.size(); ++i) {
    PlannedEntry& planned = plan.emplace_back();
    planned.entry = entries[i];
    planned.at = begin_of(entries[i].at, start);
    index_of.emplace(entries[i].name, i);
    if (entries[i].where.event.empty()) continue;
    planned.follows = index_of.at(entries[i].where.event);
    PlannedEntry& followed = plan[*planned.follows];
    if (planned.at < followed.last) {
      followed.last = planned.at;
      followed.ended_by = i;
    }
  }
  return plan;
}

std::vector<PlanProblem> problems_of(const Plan& plan, Timestamp start) {
  std::vector<PlanProblem> problems;
  for (std::size_t i = 0; i < plan.size(); ++i) {
    const PlannedEntry& planned = plan[i];
    if (planned.at < start) {
      problems.push_back({i, fmt::format("at {} is before the run starts, at {}; give a later time, +TIME "
                                         "after the start, or an earlier --start",
                                         brief_timestamp_text(planned.at), brief_timestamp_text(start))});
    } else if (planned.follows && planned.at < plan[*planned.follows].at) {
      problems.push_back(
          {i, fmt::format("at {} is before {} begins, which `where` refers to",
                          brief_timestamp_text(planned.at), in_quotes(plan[*planned.follows].entry.name))});
    }
  }
  return problems;
}

}  // namespace fleet_sim::timeline
