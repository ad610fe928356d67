#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <vector>

#include "config/behavior_effects.h"
#include "config/behaviors.h"
#include "yaml/text.h"

namespace fleet_sim::config {
namespace {

std::string numbers_text(std::span<const std::string_view> names, std::span<const double> values) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    text += fmt::format("{}{}: {}", i == 0 ? "" : ", ", names[i], number_text(values[i]));
  }
  return fmt::format("{{{}}}", text);
}

std::string value_text(double value) {
  return number_text(value);
}

// The built-in type's channels, whatever their factors, and others whose factor is not 1.
std::string value_text(const types::ChannelFactors& factors) {
  std::vector<std::string_view> channels = types::built_in_type().schema.channel_names();
  for (const auto& [channel, factor] : factors.named()) {
    if (std::ranges::find(channels, channel) == channels.end()) channels.push_back(channel);
  }
  std::vector<double> values;
  for (const std::string_view channel : channels) values.push_back(factors.of(channel));
  return numbers_text(channels, values);
}

std::string value_text(const Shifts& numbers) {
  std::string text;
  for (const auto& [name, number] : numbers)
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", name, number_text(number));
  return fmt::format("{{{}}}", text);
}

std::string value_text(const TermFactors& gains) {
  std::string text;
  for (const auto& [channel, factors] : gains)
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", channel, value_text(factors.named()));
  return fmt::format("{{{}}}", text);
}

// All, because one of 1 may stand against that of a built-in behavior.
std::string value_text(const PerAnomalyType<double>& values) {
  return numbers_text(drawn_anomaly_type_names, std::span(values).first(drawn_anomaly_type_count));
}

std::string value_text(const Range& range) {
  return numbers_text(range_names, std::array<double, 2>{range.min, range.max});
}

template <class T>
BehaviorEffect effect(std::string_view name, T Behavior::*member) {
  return {
      .name = name,
      .is_set = [](const Behavior&) { return true; },
      .text = [member](const Behavior& behavior) { return value_text(behavior.*member); },
      .equal = [member](const Behavior& one, const Behavior& other) { return one.*member == other.*member; }};
}

// One that no entry needs to have.
template <class T>
BehaviorEffect unusual_effect(std::string_view name, T Behavior::*member) {
  BehaviorEffect unusual = effect(name, member);
  unusual.is_set = [member](const Behavior& behavior) { return !(behavior.*member).empty(); };
  return unusual;
}

template <class T>
BehaviorEffect effect(std::string_view name, std::optional<T> Behavior::*member) {
  return {
      .name = name,
      .is_set = [member](const Behavior& behavior) { return (behavior.*member).has_value(); },
      .text = [member](const Behavior& behavior) { return value_text(*(behavior.*member)); },
      .equal = [member](const Behavior& one, const Behavior& other) { return one.*member == other.*member; }};
}

std::vector<BehaviorEffect> all_effects() {
  std::vector<BehaviorEffect> all;
  for (const NumberEffect& number : number_effects) all.push_back(effect(number.name, number.value));
  for (const ChannelEffect& factors : channel_effects) all.push_back(effect(factors.name, factors.factors));
  all.push_back(effect("weights", &Behavior::weights));
  all.push_back(effect("channels", &Behavior::channels));
  all.push_back(effect("spike_factor", &Behavior::spike_factor));
  all.push_back(effect("noise_factor", &Behavior::noise_factor));
  all.push_back(unusual_effect("gain", &Behavior::gain));
  all.push_back(unusual_effect("shift", &Behavior::shift));
  return all;
}

std::string effects_text(const Behavior& behavior) {
  std::string text;
  for (const BehaviorEffect& one : behavior_effects()) {
    if (!one.is_set(behavior)) continue;
    text.append("      ").append(one.name).append(": ").append(one.text(behavior)).append("\n");
  }
  return text;
}

}  // namespace

std::span<const BehaviorEffect> behavior_effects() {
  static const std::vector<BehaviorEffect> effects = all_effects();
  return effects;
}

std::string behaviors_text(const Behaviors& behaviors) {
  std::string text = "behaviors:\n";
  for (const BehaviorKind& kind : behavior_kinds) {
    text.append("  ").append(kind.name).append(":\n");
    for (const auto& [name, behavior] : behaviors.*kind.entries) {
      text.append("    ").append(yaml::quoted(name)).append(":\n").append(effects_text(behavior));
    }
  }
  return text;
}

}  // namespace fleet_sim::config
