#include "identity/identity_changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

#include "identity/json_value.h"

namespace fleet_sim::identity {
namespace {

constexpr std::size_t named_at_most = 3;

struct NamedText {
  std::string_view name;
  Text Identity::*text;
};
constexpr std::array<NamedText, 5> texts{{{"type", &Identity::type},
                                          {"location", &Identity::location},
                                          {"manufacturer", &Identity::manufacturer},
                                          {"model", &Identity::model},
                                          {"firmware_version", &Identity::firmware_version}}};

std::string_view zone_name(const IdentityOverrides& overrides) {
  return overrides.time_zone.empty() ? std::string_view("none") : overrides.time_zone;
}

// Which of an identity's texts and numbers differ, as "name from -> to".
std::string difference(const Roster& running, const Identity& from, const Roster& wanted,
                       const Identity& to) {
  std::string found;
  for (const NamedText& text : texts) {
    const std::string_view was = running.text(from.*text.text);
    const std::string_view is = wanted.text(to.*text.text);
    if (was == is) continue;
    found +=
        fmt::format("{}{} {} -> {}", found.empty() ? "" : ", ", text.name, short_name(was), short_name(is));
  }
  IdentityOverrides was = running.overrides(from);
  const IdentityOverrides& is = wanted.overrides(to);
  if (was.time_zone != is.time_zone) {
    found += fmt::format("{}timezone {} -> {}", found.empty() ? "" : ", ", zone_name(was), zone_name(is));
    was.time_zone = is.time_zone;
  }
  if (was != is) found += found.empty() ? "its numbers" : ", its numbers";
  if (running.details(from) != wanted.details(to)) found += found.empty() ? "its details" : ", its details";
  return found;
}

bool same(const Roster& running, const Identity& from, const Roster& wanted, const Identity& to) {
  const auto equal = [&](const NamedText& text) {
    return running.text(from.*text.text) == wanted.text(to.*text.text);
  };
  return std::ranges::all_of(texts, equal) && running.overrides(from) == wanted.overrides(to) &&
         running.details(from) == wanted.details(to);
}

// "2 added (A, B)"; `name` gives the text of the i-th.
template <class Name>
void add_part(std::string& text, std::size_t count, std::string_view what, Name name) {
  if (count == 0) return;
  text += fmt::format("{}{} {} (", text.empty() ? "" : ", ", count, what);
  for (std::size_t i = 0; i < std::min(count, named_at_most); ++i) text += (i == 0 ? "" : ", ") + name(i);
  text += count > named_at_most ? ", \u2026)" : ")";
}

}  // namespace

IdentityChanges compare_identities(const Roster& running, std::span<const std::uint32_t> running_members,
                                   const Roster& wanted, std::span<const std::uint32_t> wanted_members) {
  std::unordered_map<std::string_view, std::uint32_t> left;  // running ones not met among the wanted
  left.reserve(running_members.size());
  for (const std::uint32_t member : running_members) left.emplace(running[member].id, member);
  IdentityChanges changes;
  for (const std::uint32_t member : wanted_members) {
    const auto found = left.find(wanted[member].id);
    if (found == left.end()) {
      changes.added.push_back(member);
      continue;
    }
    if (!same(running, running[found->second], wanted, wanted[member])) {
      changes.changed.push_back({found->second, member});
    }
    left.erase(found);
  }
  for (const auto& [id, member] : left) changes.removed.push_back(member);
  std::ranges::sort(changes.removed);
  return changes;
}

std::string changes_text(const IdentityChanges& changes, const Roster& running, const Roster& wanted) {
  std::string text;
  add_part(text, changes.added.size(), "added",
           [&](std::size_t i) { return short_name(wanted[changes.added[i]].id); });
  add_part(text, changes.changed.size(), "changed", [&](std::size_t i) {
    const auto [from, to] = changes.changed[i];
    return short_name(running[from].id) + ": " + difference(running, running[from], wanted, wanted[to]);
  });
  add_part(text, changes.removed.size(), "removed",
           [&](std::size_t i) { return short_name(running[changes.removed[i]].id); });
  return text;
}

}  // namespace fleet_sim::identity
