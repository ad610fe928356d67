// Writes a Config as the YAML that load_config reads.
#include <fmt/format.h>

#include <vector>

#include "config/behaviors.h"
#include "config/config_keys.h"
#include "config/load_config.h"
#include "config/units.h"
#include "declare/declarations.h"
#include "scenario/scenario.h"
#include "yaml/text.h"

namespace fleet_sim::config {
namespace {

using Path = std::vector<std::string_view>;  // anomalies, types, spike, weight

Path split(std::string_view name) {
  Path path;
  for (std::size_t dot = name.find('.'); dot != name.npos; dot = name.find('.')) {
    path.push_back(name.substr(0, dot));
    name.remove_prefix(dot + 1);
  }
  path.push_back(name);
  return path;
}

// The headings of the sections around `path` that `before` was not in already.
std::string new_headings(const Path& path, const Path& before) {
  std::string text;
  bool same = true;
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    same = same && i + 1 < before.size() && before[i] == path[i];
    if (!same) text.append(2 * i, ' ').append(path[i]).append(":\n");
  }
  return text;
}

std::string list_text(const std::string& lines) {
  std::vector<std::string> items;
  parse_lines(lines, items);
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : ", ") + yaml::quoted(item);
  return fmt::format("[{}]", text);
}

std::string value_text(const ConfigKey& key, const std::string& value) {
  if (key.repeatable) return list_text(value);
  const bool is_flow = key.is_flow && (value.starts_with('[') || value.starts_with('{'));
  return is_flow ? value : yaml::scalar(value);
}

// The lines of the keys that `takes_part`, under their sections' headings, each with what `comment` says.
template <class TakesPart, class Comment>
std::string keys_text(const Config& config, TakesPart takes_part, Comment comment) {
  std::string text;
  Path before;
  for (const ConfigKey& key : config_keys()) {
    if (!takes_part(key) || !key.is_spelled(config)) continue;
    Path path = split(key.name);
    text += new_headings(path, before);
    const std::string value = key.get(config);
    text.append(2 * (path.size() - 1), ' ').append(path.back()).append(": ");
    text.append(value_text(key, value)).append(comment(key)).append("\n");
    before = std::move(path);
  }
  return text;
}

template <class TakesPart>
std::string keys_text(const Config& config, TakesPart takes_part) {
  return keys_text(config, takes_part, [](const ConfigKey&) { return ""; });
}

// What is not made of keys of the table.
std::string own_sections_text(const Config& config) {
  return behaviors_text(config.behaviors) + declare::types_text(config.types) +
         scenario::scenario_text(config.scenario);
}

}  // namespace

std::string config_text(const Config& config) {
  return keys_text(config, [](const ConfigKey& key) { return !key.secret; }) + own_sections_text(config);
}

std::string readings_config_text(const Config& config) {
  const auto decides = [](const ConfigKey& key) { return key.decides == Decides::readings; };
  return keys_text(config, decides) + own_sections_text(config);
}

std::string commented_config_text(const Config& config, const Comments& comments) {
  const auto takes_part = [&](const ConfigKey& key) { return comments.contains(key.name); };
  std::string text = keys_text(config, takes_part, [&](const ConfigKey& key) {
    const std::string& comment = comments.find(key.name)->second;
    return comment.empty() ? comment : "  # " + comment;
  });
  if (config.behaviors != Config().behaviors) text += behaviors_text(config.behaviors);
  return text + declare::types_text(config.types) + scenario::scenario_text(config.scenario);
}

}  // namespace fleet_sim::config
