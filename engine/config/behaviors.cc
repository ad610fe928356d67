#include "config/behaviors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "base/nearest.h"
#include "base/plain_text.h"
#include "config/behavior_effects.h"
#include "config/units.h"
#include "yaml/text.h"

namespace fleet_sim::config {
namespace {

using Kind = yaml::Node::Kind;

constexpr Range usual_spike_factor{1.5, 3.0};

std::vector<std::string_view> effect_names() {
  std::vector<std::string_view> names;
  for (const BehaviorEffect& effect : behavior_effects()) names.push_back(effect.name);
  return names;
}

bool is_logarithmic(const types::DeclaredType& type, std::string_view channel) {
  const auto& channels = type.signal.channels;
  const auto found = std::ranges::find(channels, channel, &types::SignalChannel::name);
  if (found == channels.end()) return false;
  const auto* gauge = std::get_if<types::Gauge>(&found->kind);
  return gauge != nullptr && gauge->scale == types::Gauge::Scale::logarithmic;
}

// Reads one entry; `path` grows with the nesting for messages.
class EffectReader {
 public:
  EffectReader(Behavior& behavior, const types::DeclaredTypes& types, const yaml::FileProblems& problems)
      : behavior_(behavior), types_(types), channels_(effect_channels(types)), problems_(problems) {}

  void read(const yaml::Node& entry, const std::string& path) {
    if (!is_map(entry, path)) return;
    for (const yaml::Node& effect : entry.children)
      read_effect(effect, fmt::format("{}.{}", path, effect.key));
  }

 private:
  void read_effect(const yaml::Node& node, const std::string& path) {
    if (node.is(Kind::null)) return;
    for (const NumberEffect& effect : number_effects) {
      if (node.key == effect.name) return read_number(node, path, effect.bounds, behavior_.*effect.value);
    }
    for (const ChannelEffect& effect : channel_effects) {
      if (node.key == effect.name) return read_factors(node, path, behavior_.*effect.factors);
    }
    if (node.key == "weights")
      return read_numbers(node, path, drawn_anomaly_type_names, factor_bounds, behavior_.weights);
    if (node.key == "channels") return read_channels(node, path);
    if (node.key == "spike_factor") return read_spike_factor(node, path);
    if (node.key == "noise_factor") return read_noise_factor(node, path);
    if (node.key == "gain") return read_gains(node, path);
    if (node.key == "shift") return read_shifts(node, path);
    unknown(node, path, effect_names());
  }

  void read_number(const yaml::Node& node, const std::string& path, const Bounds& bounds, double& value) {
    const bool single = node.is(Kind::scalar);
    const std::string wrong = single ? parse_number(node.text, bounds, value) : "must be a single number";
    if (!wrong.empty()) problems_.at(node.line, fmt::format("{} {}", path, wrong));
  }

  // A map of some of `names`; values[i] belongs to names[i].
  void read_numbers(const yaml::Node& map, const std::string& path, std::span<const std::string_view> names,
                    const Bounds& bounds, std::span<double> values) {
    if (!is_map(map, path)) return;
    for (const yaml::Node& node : map.children) {
      const std::string full = fmt::format("{}.{}", path, node.key);
      const auto name = std::ranges::find(names, node.key);
      if (name == names.end()) {
        unknown(node, full, names);
      } else if (!node.is(Kind::null)) {
        read_number(node, full, bounds, values[static_cast<std::size_t>(name - names.begin())]);
      }
    }
  }

  // A map of some of the channels.
  void read_factors(const yaml::Node& map, const std::string& path, types::ChannelFactors& factors) {
    read_factors(map, path, channels_, factor_bounds, factors);
  }

  void read_factors(const yaml::Node& map, const std::string& path, std::span<const std::string_view> names,
                    const Bounds& bounds, types::ChannelFactors& factors) {
    std::vector<double> values;
    for (const std::string_view name : names) values.push_back(factors.of(name));
    read_numbers(map, path, names, bounds, values);
    for (std::size_t i = 0; i < names.size(); ++i) factors.set(names[i], values[i]);
  }

  // A map of channels, each with a map of the sources of its terms.
  void read_gains(const yaml::Node& map, const std::string& path) {
    if (!is_map(map, path)) return;
    for (const yaml::Node& node : map.children) {
      const std::string full = fmt::format("{}.{}", path, node.key);
      const std::vector<std::string_view> sources = sources_of(node.key);
      if (!is_channel(node, full)) continue;
      if (sources.empty()) {
        problems_.at(node.line, fmt::format("{} must name a channel that has terms", full));
        continue;
      }
      read_factors(node, full, sources, gain_bounds, behavior_.gain[node.key]);
      if (behavior_.gain[node.key].named().empty()) behavior_.gain.erase(node.key);
    }
  }

  void read_shifts(const yaml::Node& map, const std::string& path) {
    if (!is_map(map, path)) return;
    for (const yaml::Node& node : map.children) {
      const std::string full = fmt::format("{}.{}", path, node.key);
      if (!is_channel(node, full) || node.is(Kind::null)) continue;
      const std::string_view scaled = logarithmic_type(node.key);
      double value = 1;
      read_number(node, full, shift_bounds, value);
      if (!scaled.empty() && value <= 0) {
        problems_.at(node.line, fmt::format("{} must be a factor above 0, as {} of {} has scale: log", full,
                                            in_quotes(node.key), in_quotes(scaled)));
      }
      behavior_.shift.insert_or_assign(node.key, value);
    }
  }

  bool is_channel(const yaml::Node& node, const std::string& path) {
    if (std::ranges::find(channels_, node.key) != channels_.end()) return true;
    unknown(node, path, channels_);
    return false;
  }

  // Calls `visit` with each declared gauge of the name, and its type.
  template <class Visit>
  void for_each_gauge(std::string_view channel, Visit visit) const {
    for (const auto& [name, type] : types_) {
      for (const types::SignalChannel& one : type.signal.channels) {
        const auto* gauge = std::get_if<types::Gauge>(&one.kind);
        if (gauge != nullptr && one.name == channel) visit(name, type, *gauge);
      }
    }
  }

  [[nodiscard]] std::vector<std::string_view> sources_of(std::string_view channel) const {
    std::vector<std::string_view> names;
    for_each_gauge(channel,
                   [&](const std::string&, const types::DeclaredType& type, const types::Gauge& gauge) {
                     for (const types::Term& term : gauge.terms) {
                       const std::string_view source = type.signal.sources[term.source].name;
                       if (std::ranges::find(names, source) == names.end()) names.push_back(source);
                     }
                   });
    return names;
  }

  // A type whose channel of that name is logarithmic; empty when there is none.
  [[nodiscard]] std::string_view logarithmic_type(std::string_view channel) const {
    const auto found = std::ranges::find_if(
        types_, [channel](const auto& type) { return is_logarithmic(type.second, channel); });
    return found == types_.end() ? std::string_view() : found->first;
  }

  void read_channels(const yaml::Node& node, const std::string& path) {
    types::ChannelFactors weights = behavior_.channels.value_or(types::ChannelFactors());
    read_factors(node, path, weights);
    const auto is_picked = [&](std::string_view channel) { return weights.of(channel) > 0; };
    if (std::ranges::none_of(channels_, is_picked)) {
      problems_.at(node.line, fmt::format("{} must leave at least one channel above 0", path));
    }
    behavior_.channels = std::move(weights);
  }

  void read_spike_factor(const yaml::Node& node, const std::string& path) {
    const Range before = behavior_.spike_factor.value_or(usual_spike_factor);
    std::array<double, 2> range{before.min, before.max};
    read_numbers(node, path, range_names, {1, 1'000}, range);
    if (range[0] > range[1]) {
      problems_.at(node.line, fmt::format("{}.min {} must not be above max {}", path,
                                          written(node, range_names[0], range[0]),
                                          written(node, range_names[1], range[1])));
    }
    behavior_.spike_factor = Range{range[0], range[1]};
  }

  // The number as it stands in the map, if it does.
  static std::string written(const yaml::Node& map, std::string_view name, double number) {
    const auto node = std::ranges::find(map.children, name, &yaml::Node::key);
    return node == map.children.end() || node->is(Kind::null) ? number_text(number) : node->text;
  }

  void read_noise_factor(const yaml::Node& node, const std::string& path) {
    double value = 0;
    read_number(node, path, factor_bounds, value);
    behavior_.noise_factor = value;
  }

  // Null is an empty map.
  bool is_map(const yaml::Node& node, const std::string& path) {
    if (node.is(Kind::map) || node.is(Kind::null)) return true;
    problems_.at(node.line, fmt::format("{} must be a map", path));
    return false;
  }

  void unknown(const yaml::Node& node, const std::string& path, std::span<const std::string_view> known) {
    problems_.at(node.key_line,
                 fmt::format("unknown key {}{}", in_quotes(path), did_you_mean(node.key, known)));
  }

  Behavior& behavior_;
  const types::DeclaredTypes& types_;
  const std::vector<std::string_view> channels_;  // that effects may name
  const yaml::FileProblems& problems_;
};

std::string name_problem(const BehaviorKind& kind, const std::string& name) {
  std::string text;
  if (std::string wrong = parse_text(name, text); !wrong.empty()) return fmt::format("a name {}", wrong);
  // The empty location is the start of every location; elsewhere nothing can have an empty name.
  return name.empty() && kind.name != "location" ? "a name must not be empty" : std::string();
}

void read_entries(const BehaviorKind& kind, const yaml::Node& section, const types::DeclaredTypes& types,
                  BehaviorEntries& entries, const yaml::FileProblems& problems) {
  const std::string path = fmt::format("behaviors.{}", kind.name);
  std::map<std::string, const yaml::Node*, std::less<>> seen;
  for (const yaml::Node& entry : section.children) {
    const bool is_firmware = kind.name == "firmware";
    const std::string name(is_firmware ? canonical_firmware(entry.key) : std::string_view(entry.key));
    const auto [first, is_new] = seen.try_emplace(name, &entry);
    if (const std::string wrong = name_problem(kind, name); !wrong.empty()) {
      problems.at(entry.key_line, fmt::format("{}: {}", path, wrong));
    } else if (!is_new) {
      problems.at(entry.key_line,
                  fmt::format("{}: {} is the same firmware as {} on line {}", path, in_quotes(entry.key),
                              in_quotes(first->second->key), first->second->key_line));
    } else {
      EffectReader(entries[name], types, problems).read(entry, fmt::format("{}.{}", path, entry.key));
    }
  }
}

void read_kind(const yaml::Node& node, const types::DeclaredTypes& types, Behaviors& behaviors,
               const yaml::FileProblems& problems) {
  constexpr std::array<std::string_view, 4> names{behavior_kinds[0].name, behavior_kinds[1].name,
                                                  behavior_kinds[2].name, behavior_kinds[3].name};
  const auto kind = std::ranges::find(behavior_kinds, node.key, &BehaviorKind::name);
  if (kind == behavior_kinds.end()) {
    problems.at(node.key_line, fmt::format("unknown key {}{}", in_quotes("behaviors." + node.key),
                                           did_you_mean(node.key, names)));
  } else if (!node.is(Kind::map) && !node.is(Kind::null)) {
    problems.at(node.line, fmt::format("behaviors.{} must be a map of names", node.key));
  } else {
    read_entries(*kind, node, types, behaviors.*kind->entries, problems);
  }
}

}  // namespace

std::vector<std::string_view> effect_channels(const types::DeclaredTypes& types) {
  std::vector<std::string_view> names = types::built_in_type().schema.channel_names();
  for (const auto& [name, type] : types) {
    for (const types::SignalChannel& channel : type.signal.channels) {
      const bool is_new = std::ranges::find(names, channel.name) == names.end();
      if (is_new && std::holds_alternative<types::Gauge>(channel.kind)) names.push_back(channel.name);
    }
  }
  return names;
}

std::string shift_problem(const Behaviors& behaviors, const types::DeclaredType& type) {
  for (const BehaviorKind& kind : behavior_kinds) {
    for (const auto& [entry, behavior] : behaviors.*kind.entries) {
      for (const auto& [channel, shift] : behavior.shift) {
        if (shift > 0 || !is_logarithmic(type, channel)) continue;
        return fmt::format(
            "channels.{} must not have scale: log, because behaviors.{}.{}.shift.{} of an earlier config is "
            "{}, "
            "and no factor above 0",
            channel, kind.name, yaml::quoted(entry), channel, number_text(shift));
      }
    }
  }
  return {};
}

void read_behaviors(const yaml::Node& section, const types::DeclaredTypes& types, Behaviors& behaviors,
                    const yaml::FileProblems& problems) {
  if (!section.is(Kind::map) && !section.is(Kind::null)) {
    problems.at(section.line, "behaviors must be a map");
    return;
  }
  for (const yaml::Node& kind : section.children) read_kind(kind, types, behaviors, problems);
}

}  // namespace fleet_sim::config
