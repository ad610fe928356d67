#include "scenario/changes.h"

#include <string_view>
#include <unordered_map>

#include "scenario/scenario.h"

namespace fleet_sim::scenario {
namespace {

constexpr std::string_view nothing = "none";

using ByName = std::unordered_map<std::string_view, const Entry*>;

ByName by_name(const Entries& entries) {
  ByName found;
  for (const Entry& entry : entries) found.emplace(entry.name, &entry);
  return found;
}

std::string text_of(const ByName& entries, std::string_view name) {
  const auto entry = entries.find(name);
  return entry == entries.end() ? std::string(nothing) : entry_text(*entry->second);
}

}  // namespace

std::vector<EntryChange> entry_changes(const Entries& from, const Entries& to) {
  std::vector<EntryChange> changes;
  if (from == to) return changes;
  const ByName before = by_name(from);
  const ByName after = by_name(to);
  for (const Entry& entry : to) {
    const auto earlier = before.find(entry.name);
    if (earlier == before.end() || *earlier->second != entry)
      changes.push_back({path_of(entry.name), text_of(before, entry.name), entry_text(entry)});
  }
  for (const Entry& entry : from) {
    if (!after.contains(entry.name))
      changes.push_back({path_of(entry.name), entry_text(entry), std::string(nothing)});
  }
  if (changes.empty()) changes.push_back({"scenario", "one order", "another"});
  return changes;
}

}  // namespace fleet_sim::scenario
