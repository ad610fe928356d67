#include "declare/changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <variant>

#include "declare/declarations.h"
#include "declare/fields.h"

namespace fleet_sim::declare {
namespace {

constexpr std::string_view nothing = "none";

std::optional<std::size_t> place_of(std::string_view name, const std::vector<std::string_view>& names) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<std::size_t>(found - names.begin());
}

std::string list_text(const std::vector<std::string_view>& names) {
  return fmt::format("[{}]", fmt::join(names, ", "));
}

// A load that counters count, with its place among the loads, from which its randomness follows.
using CountedLoads = std::set<std::pair<std::string_view, std::size_t>>;

CountedLoads counted_loads(const types::SignalDeclaration& signal) {
  std::set<std::size_t> counted;
  for (const types::SignalChannel& channel : signal.channels) {
    const auto* counter = std::get_if<types::Counter>(&channel.kind);
    if (counter == nullptr) continue;
    for (const types::Term& term : counter->rate) counted.insert(term.source);
  }
  CountedLoads loads;
  std::size_t place = 0;
  for (std::size_t s = 0; s < signal.sources.size(); ++s) {
    if (counted.contains(s)) loads.emplace(signal.sources[s].name, place);
    place += std::holds_alternative<types::Load>(signal.sources[s].kind) ? 1 : 0;
  }
  return loads;
}

bool has(const CountedLoads& loads, std::string_view name) {
  return std::ranges::any_of(loads, [name](const auto& load) { return load.first == name; });
}

// The differences of one type.
class Comparison {
 public:
  Comparison(const std::string& name, const types::DeclaredType& from, const types::DeclaredType& to)
      : path_("types." + name),
        from_(from),
        to_(to),
        names_from_(names_of(from.signal.sources, from.signal.channels)),
        names_to_(names_of(to.signal.sources, to.signal.channels)),
        loads_from_(counted_loads(from.signal)),
        loads_to_(counted_loads(to.signal)) {}

  std::vector<TypeChange> changes() {
    compare_channels();
    compare_sources();
    compare_agings();
    if (std::ranges::find(changes_, false, &TypeChange::at_once) != changes_.end()) {
      for (TypeChange& change : changes_) change.at_once = false;
    }
    return std::move(changes_);
  }

 private:
  void compare_channels() {
    if (names_from_.channels != names_to_.channels)
      add("channels", list_text(names_from_.channels), list_text(names_to_.channels), false);
    for (std::size_t after = 0; after < names_to_.channels.size(); ++after) {
      const std::string path = fmt::format("channels.{}", names_to_.channels[after]);
      const auto before = place_of(names_to_.channels[after], names_from_.channels);
      if (!before) continue;
      const auto& kind_from = from_.signal.channels[*before].kind;
      const auto& kind_to = to_.signal.channels[after].kind;
      if (kind_from.index() != kind_to.index()) {
        add(path, channel_text(from_, *before), channel_text(to_, after), false);
      } else {
        compare_fields(path, from_.columns[*before], to_.columns[after], true);
        compare_kinds(path, kind_from, kind_to, true);
      }
    }
  }

  void compare_sources() {
    const bool counts_go_on = loads_from_ == loads_to_;
    for (std::size_t after = 0; after < names_to_.sources.size(); ++after) {
      const std::string_view name = names_to_.sources[after];
      const std::string path = fmt::format("sources.{}", name);
      const auto before = place_of(name, names_from_.sources);
      const bool is_counted = has(loads_from_, name) || has(loads_to_, name);
      if (!before) {
        add(path, std::string(nothing), source_text(to_, after), counts_go_on);
        continue;
      }
      const auto& kind_from = from_.signal.sources[*before].kind;
      const auto& kind_to = to_.signal.sources[after].kind;
      if (kind_from.index() != kind_to.index()) {
        add(path, source_text(from_, *before), source_text(to_, after), counts_go_on);
      } else {
        compare_kinds(path, kind_from, kind_to, !is_counted);
      }
    }
    for (std::size_t before = 0; before < names_from_.sources.size(); ++before) {
      const std::string_view name = names_from_.sources[before];
      if (!place_of(name, names_to_.sources))
        add(fmt::format("sources.{}", name), source_text(from_, before), std::string(nothing), counts_go_on);
    }
    if (std::ranges::is_permutation(names_from_.sources, names_to_.sources) &&
        names_from_.sources != names_to_.sources)
      add("sources", list_text(names_from_.sources), list_text(names_to_.sources), counts_go_on);
  }

  // By name: which are there, and what they say.
  void compare_agings() {
    const auto named = [](const types::DeclaredType& type, const std::string& name) {
      const auto found = std::ranges::find(type.signal.agings, name, &types::Aging::name);
      return static_cast<std::size_t>(found - type.signal.agings.begin());
    };
    for (std::size_t after = 0; after < to_.signal.agings.size(); ++after) {
      const types::Aging& aging = to_.signal.agings[after];
      const std::string path = fmt::format("aging.{}", aging.name);
      const std::size_t before = named(from_, aging.name);
      if (before == from_.signal.agings.size()) {
        add(path, std::string(nothing), aging_text(to_, after), false);
      } else {
        compare_fields(path, from_.signal.agings[before], aging, false);
      }
    }
    for (std::size_t before = 0; before < from_.signal.agings.size(); ++before) {
      const std::string& name = from_.signal.agings[before].name;
      if (named(to_, name) == to_.signal.agings.size())
        add(fmt::format("aging.{}", name), aging_text(from_, before), std::string(nothing), false);
    }
  }

  // Of the same kind.
  template <class Variant>
  void compare_kinds(const std::string& path, const Variant& from, const Variant& to, bool can_follow) {
    std::visit(
        [&]<class Kind>(const Kind& kind) { compare_fields(path, kind, std::get<Kind>(to), can_follow); },
        from);
  }

  // As they are written: places of sources and channels are only how their names are kept.
  template <class Kind>
  void compare_fields(const std::string& path, const Kind& from, const Kind& to, bool can_follow) {
    for (const TypeField<Kind>& field : type_fields<Kind>()) {
      std::string before = field.text(names_from_, from);
      std::string after = field.text(names_to_, to);
      if (before != after)
        add(fmt::format("{}.{}", path, field.name), std::move(before), std::move(after),
            can_follow && field.at_once);
    }
  }

  void add(const std::string& path, std::string from, std::string to, bool at_once) {
    changes_.push_back({fmt::format("{}.{}", path_, path), std::move(from), std::move(to), at_once});
  }

  std::string path_;
  const types::DeclaredType& from_;
  const types::DeclaredType& to_;
  TypeNames names_from_;
  TypeNames names_to_;
  CountedLoads loads_from_;
  CountedLoads loads_to_;
  std::vector<TypeChange> changes_;
};

std::string summary(const types::DeclaredType& type) {
  return list_text(names_of(type.signal.sources, type.signal.channels).channels);
}

}  // namespace

std::vector<TypeChange> type_changes(const types::DeclaredTypes& from, const types::DeclaredTypes& to) {
  std::vector<TypeChange> changes;
  for (const auto& [name, type] : to) {
    const auto before = from.find(name);
    if (before == from.end()) {
      changes.push_back({"types." + name, std::string(nothing), summary(type), false});
    } else if (before->second != type) {
      std::ranges::move(Comparison(name, before->second, type).changes(), std::back_inserter(changes));
    }
  }
  for (const auto& [name, type] : from) {
    if (!to.contains(name)) changes.push_back({"types." + name, summary(type), std::string(nothing), false});
  }
  return changes;
}

types::DeclaredTypes adopt_types(const types::DeclaredTypes& running, const types::DeclaredTypes& wanted) {
  types::DeclaredTypes adopted = running;
  for (auto& [name, type] : adopted) {
    const auto found = wanted.find(name);
    if (found == wanted.end() || found->second == type) continue;
    const std::vector<TypeChange> changes = Comparison(name, type, found->second).changes();
    if (std::ranges::all_of(changes, &TypeChange::at_once)) type = found->second;
  }
  return adopted;
}

}  // namespace fleet_sim::declare
