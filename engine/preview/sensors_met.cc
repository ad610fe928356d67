#include "preview/sensors_met.h"

#include <algorithm>

#include "timeline/timeline.h"

namespace fleet_sim::preview {
namespace {

// Even to begin with all sensors of a large fleet takes longer than whoever stops the run is to wait.
constexpr std::size_t at_once = 1 << 14;

std::optional<std::uint64_t> met_of(const std::shared_ptr<const timeline::Script>& script,
                                    std::uint32_t entry, const identity::Roster& roster,
                                    std::span<const std::uint32_t> members,
                                    const std::function<bool()>& may_go_on) {
  if (!may_go_on()) return std::nullopt;
  timeline::Timeline timeline(script, roster, members);
  std::optional<std::uint64_t> met;
  timeline.tell([&](std::uint32_t begins, std::uint64_t sensors) {
    if (begins == entry && !met) met = sensors;
  });
  const Timestamp begun = (*script)[entry].at + 1;
  while (!met && may_go_on() && timeline.next(begun)) {
  }
  return met;
}

}  // namespace

std::optional<std::uint64_t> sensors_met(std::shared_ptr<const timeline::Script> script, std::uint32_t entry,
                                         const identity::Roster& roster,
                                         std::span<const std::uint32_t> members,
                                         const std::function<bool()>& may_go_on) {
  std::uint64_t met = 0;
  while (!members.empty()) {
    const auto some = members.first(std::min(members.size(), at_once));
    members = members.subspan(some.size());
    const auto of_these = met_of(script, entry, roster, some, may_go_on);
    if (!of_these) return std::nullopt;
    met += *of_these;
  }
  return met;
}

}  // namespace fleet_sim::preview
