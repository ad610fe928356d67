#include "config/config_changes.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "config/behaviors.h"

namespace fleet_sim::config {
namespace {

using Effects = std::map<std::string, std::string>;  // by path

// The lines of behaviors_text, two spaces deeper for each level, as paths.
Effects effects_of(const Behaviors& behaviors) {
  const std::string text = behaviors_text(behaviors);
  Effects effects;
  std::string path[3];
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = text.find('\n', from);
    const std::string_view line = std::string_view(text).substr(from, end - from);
    from = end + 1;
    const std::size_t indent = line.find_first_not_of(' ');
    if (indent < 6) {
      path[indent / 2] = line.substr(indent, line.size() - indent - 1);
      continue;
    }
    const std::size_t colon = line.find(':', indent);
    effects[path[0] + "." + path[1] + "." + path[2] + "." +
            std::string(line.substr(indent, colon - indent))] = line.substr(colon + 2);
  }
  return effects;
}

void add_behavior_changes(const Behaviors& from, const Behaviors& to, std::vector<ConfigChange>& changes) {
  if (from == to) return;
  const Effects was = effects_of(from);
  const Effects is = effects_of(to);
  for (const auto& [path, value] : is) {
    const auto before = was.find(path);
    if (before == was.end()) {
      changes.push_back({path, "none", value, true});
    } else if (before->second != value) {
      changes.push_back({path, before->second, value, true});
    }
  }
  for (const auto& [path, value] : was) {
    if (!is.contains(path)) changes.push_back({path, value, "none", true});
  }
}

// A list's text has a line for each element.
std::string one_line(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  std::ranges::replace(text, '\n', ' ');
  return text.empty() ? "''" : text;
}

}  // namespace

bool applies_at_once(const ConfigKey& key) {
  return key.name == "simulation.readings_per_second" || key.name == "logging.level" ||
         key.name.starts_with("normal_parameters.") || key.name.starts_with("anomalies.") ||
         key.name.starts_with("config_reload.");
}

std::vector<ConfigChange> config_changes(const Config& from, const Config& to) {
  std::vector<ConfigChange> changes;
  for (const ConfigKey& key : config_keys()) {
    const std::string was = key.get(from);
    const std::string is = key.get(to);
    if (was != is)
      changes.push_back({std::string(key.name), one_line(was), one_line(is), applies_at_once(key)});
  }
  add_behavior_changes(from.behaviors, to.behaviors, changes);
  return changes;
}

Config adopt(const Config& running, const Config& wanted) {
  Config config = running;
  config.simulation.readings_per_second = wanted.simulation.readings_per_second;
  config.normal_parameters = wanted.normal_parameters;
  config.anomalies = wanted.anomalies;
  config.behaviors = wanted.behaviors;
  config.logging.level = wanted.logging.level;
  config.config_reload = wanted.config_reload;
  return config;
}

std::string change_text(const ConfigChange& change) {
  return change.key + " " + change.from + " -> " + change.to;
}

}  // namespace fleet_sim::config
