#include "config/config_changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <string_view>
#include <utility>

#include "config/behavior_effects.h"
#include "declare/changes.h"
#include "scenario/changes.h"
#include "yaml/text.h"

namespace fleet_sim::config {
namespace {

constexpr std::string_view nothing = "none";
constexpr std::string_view hidden = "(secret)";

// A list's text has a line for each element.
std::string one_line(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  std::ranges::replace(text, '\n', ' ');
  return text.empty() ? "''" : text;
}

std::string shown(const ConfigKey& key, const Config& config) {
  return key.secret ? std::string(hidden) : one_line(key.get(config));
}

// An entry that is not there has no effects.
const Behavior* entry_of(const BehaviorEntries& entries, const std::string& name) {
  const auto found = entries.find(name);
  return found == entries.end() ? nullptr : &found->second;
}

std::string effect_of(const BehaviorEffect& effect, const Behavior* behavior) {
  return behavior != nullptr && effect.is_set(*behavior) ? effect.text(*behavior) : std::string(nothing);
}

bool same_effect(const BehaviorEffect& effect, const Behavior* from, const Behavior* to) {
  if (from != nullptr && to != nullptr) return effect.equal(*from, *to);
  const Behavior* only = from != nullptr ? from : to;
  return only == nullptr || !effect.is_set(*only);
}

void add_entry_changes(const std::string& path, const Behavior* from, const Behavior* to,
                       std::vector<ConfigChange>& changes) {
  for (const BehaviorEffect& effect : behavior_effects()) {
    if (same_effect(effect, from, to)) continue;
    changes.push_back(
        {fmt::format("{}.{}", path, effect.name), effect_of(effect, from), effect_of(effect, to), true});
  }
}

std::set<std::string> names_in(const BehaviorEntries& one, const BehaviorEntries& other) {
  std::set<std::string> names;
  for (const BehaviorEntries* entries : {&one, &other}) {
    for (const auto& [name, behavior] : *entries) names.insert(name);
  }
  return names;
}

// By path; what there is no more comes last.
std::vector<ConfigChange> behavior_changes(const Behaviors& from, const Behaviors& to) {
  std::vector<ConfigChange> changes;
  for (const BehaviorKind& kind : behavior_kinds) {
    const BehaviorEntries& before = from.*kind.entries;
    const BehaviorEntries& after = to.*kind.entries;
    for (const std::string& name : names_in(before, after)) {
      const std::string path = fmt::format("behaviors.{}.{}", kind.name, yaml::quoted(name));
      add_entry_changes(path, entry_of(before, name), entry_of(after, name), changes);
    }
  }
  std::ranges::sort(changes, {}, [](const ConfigChange& change) {
    return std::pair(change.to == nothing, std::string_view(change.key));
  });
  return changes;
}

}  // namespace

std::vector<ConfigChange> config_changes(const Config& from, const Config& to) {
  std::vector<ConfigChange> changes;
  for (const ConfigKey& key : config_keys()) {
    if (key.equal(from, to)) continue;
    changes.push_back({std::string(key.name), shown(key, from), shown(key, to), key.at_once});
  }
  std::ranges::move(behavior_changes(from.behaviors, to.behaviors), std::back_inserter(changes));
  for (declare::TypeChange& change : declare::type_changes(from.types, to.types)) {
    changes.push_back({std::move(change.key), std::move(change.from), std::move(change.to), change.at_once});
  }
  for (scenario::EntryChange& change : scenario::entry_changes(from.scenario, to.scenario))
    changes.push_back({std::move(change.key), std::move(change.from), std::move(change.to), true});
  return changes;
}

Config adopt(const Config& running, const Config& wanted) {
  Config config = running;
  for (const ConfigKey& key : config_keys()) {
    if (key.at_once) key.copy(wanted, config);
  }
  config.behaviors = wanted.behaviors;
  config.types = declare::adopt_types(running.types, wanted.types);
  config.scenario = wanted.scenario;
  return config;
}

void mark_waiting(std::vector<ConfigChange>& changes, const Config& adopted, const Config& wanted) {
  for (const auto& [name, type] : wanted.types) {
    const auto found = adopted.types.find(name);
    if (found != adopted.types.end() && found->second == type) continue;
    const std::string path = fmt::format("types.{}.", name);
    for (ConfigChange& change : changes) change.at_once = change.at_once && !change.key.starts_with(path);
  }
}

std::string change_text(const ConfigChange& change) {
  return fmt::format("{} {} -> {}", change.key, change.from, change.to);
}

}  // namespace fleet_sim::config
