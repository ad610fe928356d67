#include "preview/sensors_met.h"

#include <utility>

#include "timeline/timeline.h"

namespace fleet_sim::preview {

std::optional<std::uint64_t> sensors_met(std::shared_ptr<const timeline::Script> script, std::uint32_t entry,
                                         const identity::Roster& roster,
                                         std::span<const std::uint32_t> members,
                                         const std::function<bool()>& may_go_on) {
  const Timestamp begun = (*script)[entry].at + 1;
  timeline::Timeline timeline(std::move(script), roster, members);
  std::optional<std::uint64_t> met;
  timeline.tell([&](std::uint32_t begins, std::uint64_t sensors) {
    if (begins == entry && !met) met = sensors;
  });
  while (!met && may_go_on() && timeline.next(begun)) {
  }
  return met;
}

}  // namespace fleet_sim::preview
