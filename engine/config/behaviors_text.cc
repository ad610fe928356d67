#include <array>
#include <span>

#include "config/behavior_effects.h"
#include "config/behaviors.h"
#include "config/yaml_text.h"

namespace fleet_sim::config {
namespace {

std::string numbers_text(std::span<const std::string_view> names, std::span<const double> values) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::string(names[i]) + ": " + number_text(values[i]);
  }
  return "{" + text + "}";
}

std::string effects_text(const Behavior& behavior) {
  std::string text;
  const auto add = [&text](std::string_view name, const std::string& value) {
    text.append("      ").append(name).append(": ").append(value).append("\n");
  };
  for (const NumberEffect& effect : number_effects) add(effect.name, number_text(behavior.*effect.value));
  for (const ChannelEffect& effect : channel_effects) {
    add(effect.name, numbers_text(channel_names, behavior.*effect.values));
  }
  add("weights", numbers_text(anomaly_type_names, behavior.weights));
  if (behavior.channels) add("channels", numbers_text(channel_names, *behavior.channels));
  if (const auto& range = behavior.spike_factor) {
    add("spike_factor", numbers_text(range_names, std::array<double, 2>{range->min, range->max}));
  }
  if (behavior.noise_factor) add("noise_factor", number_text(*behavior.noise_factor));
  return text;
}

}  // namespace

std::string behaviors_text(const Behaviors& behaviors) {
  std::string text = "behaviors:\n";
  for (const BehaviorKind& kind : behavior_kinds) {
    text.append("  ").append(kind.name).append(":\n");
    for (const auto& [name, behavior] : behaviors.*kind.entries) {
      text.append("    ").append(yaml_quoted(name)).append(":\n").append(effects_text(behavior));
    }
  }
  return text;
}

}  // namespace fleet_sim::config
