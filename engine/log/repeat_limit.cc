#include "log/repeat_limit.h"

namespace fleet_sim::log {

bool RepeatLimit::admit(const LineClass& line, SteadyTime now) {
  if (classes_.size() >= most_classes && !classes_.contains(line)) return true;
  const auto [entry, fresh] = classes_.try_emplace(line, Count{now, 0});
  return ++entry->second.lines <= said_at_most;
}

std::vector<RepeatLimit::Repeat> RepeatLimit::over(SteadyTime now, bool at_end) {
  std::vector<Repeat> repeats;
  std::erase_if(classes_, [&](const auto& entry) {
    const auto& [line, count] = entry;
    if (!at_end && now - count.began < window) return false;
    if (count.lines > said_at_most) repeats.push_back({line, count.lines - said_at_most});
    return true;
  });
  return repeats;
}

}  // namespace fleet_sim::log
