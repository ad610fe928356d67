#include "preview/unmatched.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <string_view>
#include <unordered_map>

#include "base/nearest.h"
#include "base/plain_text.h"
#include "base/text.h"
#include "config/behavior_effects.h"
#include "model/profile.h"

namespace fleet_sim::preview {
namespace {

using Counts = std::map<std::string_view, std::size_t>;

// What identities say where behaviors of a kind are looked up, in the order of `behavior_kinds`.
constexpr std::array<identity::Text identity::Identity::*, config::behavior_kinds.size()> values{
    &identity::Identity::firmware_version, &identity::Identity::model, &identity::Identity::manufacturer,
    &identity::Identity::location};

// The name of the behavior that a value would have; empty when there is none.
std::string_view found(const config::Behaviors& behaviors, std::size_t kind, std::string_view value) {
  const config::BehaviorEntries& entries = behaviors.*config::behavior_kinds[kind].entries;
  if (&entries == &behaviors.location) return model::location_class(behaviors, value);
  if (&entries == &behaviors.firmware) value = config::canonical_firmware(value);
  const auto entry = entries.find(value);
  return entry == entries.end() ? std::string_view() : std::string_view(entry->first);
}

// Whether the config says nothing of its own about it.
bool is_built_in(const config::Behaviors& behaviors, std::size_t kind, std::string_view name) {
  static const config::Behaviors built_in = config::default_behaviors();
  const auto entries = config::behavior_kinds[kind].entries;
  const auto entry = (built_in.*entries).find(name);
  return entry != (built_in.*entries).end() && entry->second == (behaviors.*entries).find(name)->second;
}

std::vector<std::string_view> names_of(const config::BehaviorEntries& entries) {
  std::vector<std::string_view> names;
  for (const auto& [name, behavior] : entries) names.push_back(name);
  return names;
}

std::string nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
  return std::string(nearest_word(word, candidates));
}

Counts count_values(const identity::Roster& roster, std::span<const std::uint32_t> members,
                    std::size_t kind) {
  std::unordered_map<identity::Text, std::size_t> by_handle;
  for (const std::uint32_t member : members) ++by_handle[roster[member].*values[kind]];
  Counts counts;
  for (const auto& [handle, sensors] : by_handle) counts[roster.text(handle)] += sensors;
  return counts;
}

// A location is meant for a behavior by how it begins.
std::string_view comparable(std::size_t kind, std::string_view value, std::string_view name) {
  const bool is_location = config::behavior_kinds[kind].entries == &config::Behaviors::location;
  return is_location ? value.substr(0, name.size()) : value;
}

std::string nearest_behavior(std::size_t kind, std::string_view value,
                             const std::vector<std::string_view>& names) {
  for (const std::string_view name : names) {
    const std::array candidate{name};
    if (!nearest_word(comparable(kind, value, name), candidate).empty()) return std::string(name);
  }
  return nearest(value, names);
}

void add_unmatched(std::vector<Unmatched>& all, std::size_t kind, const config::Behaviors& behaviors,
                   const Counts& counts) {
  const std::string kind_name(config::behavior_kinds[kind].name);
  const std::vector<std::string_view> names = names_of(behaviors.*config::behavior_kinds[kind].entries);
  std::vector<std::string_view> used;
  std::vector<std::string_view> strangers;
  const auto first = static_cast<std::ptrdiff_t>(all.size());
  for (const auto& [value, sensors] : counts) {
    if (const std::string_view name = found(behaviors, kind, value); !name.empty()) {
      used.push_back(name);
    } else {
      strangers.push_back(value);
      all.push_back({kind_name, std::string(value), sensors, nearest_behavior(kind, value, names)});
    }
  }
  std::stable_sort(all.begin() + first, all.end(),
                   [](const Unmatched& a, const Unmatched& b) { return a.sensors > b.sensors; });
  for (const std::string_view name : names) {
    if (std::find(used.begin(), used.end(), name) != used.end() || is_built_in(behaviors, kind, name))
      continue;
    all.push_back({kind_name, std::string(name), 0, nearest(name, strangers)});
  }
}

}  // namespace

std::vector<Unmatched> find_unmatched(const config::Behaviors& behaviors, const identity::Roster& roster,
                                      std::span<const std::uint32_t> members) {
  std::vector<Unmatched> all;
  for (std::size_t kind = 0; kind < config::behavior_kinds.size(); ++kind) {
    add_unmatched(all, kind, behaviors, count_values(roster, members, kind));
  }
  return all;
}

std::optional<std::string> nearest_behavior(const config::Behaviors& behaviors, std::string_view kind,
                                            std::string_view value) {
  const auto row = std::ranges::find(config::behavior_kinds, kind, &config::BehaviorKind::name);
  const auto index = static_cast<std::size_t>(row - config::behavior_kinds.begin());
  if (!found(behaviors, index, value).empty()) return std::nullopt;
  return nearest_behavior(index, value, names_of(behaviors.*row->entries));
}

std::string text_of(const Unmatched& unmatched) {
  const std::string hint = unmatched.nearest.empty()
                               ? std::string()
                               : fmt::format(" (did you mean {}?)", in_quotes(unmatched.nearest));
  if (unmatched.sensors == 0) {
    return fmt::format("behaviors.{}: {} matches no sensor{}", unmatched.kind, in_quotes(unmatched.value),
                       hint);
  }
  return fmt::format("{} {} of {} matches no behavior{}", unmatched.kind, in_quotes(unmatched.value),
                     counted(unmatched.sensors, "sensor"), hint);
}

}  // namespace fleet_sim::preview
