#include "config/config_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/nearest.h"
#include "base/plain_text.h"
#include "config/behaviors.h"
#include "config/config_keys.h"
#include "config/load_config.h"
#include "declare/declarations.h"
#include "files/text_file.h"
#include "foreign/names.h"
#include "scenario/scenario.h"
#include "yaml/text.h"
#include "yaml/tree.h"

namespace fleet_sim::config {
namespace {

using Kind = yaml::Node::Kind;

// A section that is not made of keys of the table. Its reader decides how a later layer changes what earlier
// ones set.
struct OwnSection {
  std::string_view name;
  void (*read)(const yaml::Node&, Config&, Origins&, const yaml::FileProblems&);
};

void read_types(const yaml::Node& section, Config& config, Origins& origins,
                const yaml::FileProblems& problems) {
  declare::read_types(section, config.types, problems);
  for (const yaml::Node& type : section.children)
    origins["types." + type.key] = {problems.place(type.key_line), type.key};
}

void read_scenario(const yaml::Node& section, Config& config, Origins& origins,
                   const yaml::FileProblems& problems) {
  if (section.is(Kind::null)) return;
  origins["scenario"] = {problems.place(section.key_line), ""};
  for (const scenario::EntryPlace& entry : scenario::read_scenario(section, config.scenario, problems))
    origins[scenario::path_of(entry.name)] = {problems.place(entry.line), entry.name};
}

// The first is read before all else in a file, because behaviors name the channels of types.
constexpr std::array<OwnSection, 3> own_sections{
    // A file replaces the types it declares, each whole.
    {{"types", read_types},
     // A file changes only the effects it names.
     {"behaviors",
      [](const yaml::Node& node, Config& config, Origins&, const yaml::FileProblems& problems) {
        read_behaviors(node, config.types, config.behaviors, problems);
      }},
     // A file adds its entries to those of earlier ones.
     {"scenario", read_scenario}}};

// What may stand under `path`: "simulation" and its siblings under "", "seed" and others under "simulation".
std::vector<std::string_view> names_under(const std::string& path) {
  std::vector<std::string_view> names;
  const std::string prefix = path.empty() ? "" : path + ".";
  for (const ConfigKey& key : config_keys()) {
    for (const std::string_view full : {key.name, key.also}) {
      if (full.empty() || !full.starts_with(prefix)) continue;
      const std::string_view rest = full.substr(prefix.size());
      const std::string_view name = rest.substr(0, rest.find('.'));
      if (names.empty() || names.back() != name) names.push_back(name);
    }
  }
  if (path.empty()) {
    for (const OwnSection& section : own_sections) names.push_back(section.name);
  }
  return names;
}

// Types of anomalies that are not graded have no severity.
std::string missing_severity(std::string_view path) {
  for (const std::string_view name : drawn_anomaly_type_names) {
    if (path == fmt::format("anomalies.types.{}.severity", name)) {
      return fmt::format(": {} anomalies have no severity; remove it", name);
    }
  }
  return {};
}

// The remedy for an unknown name: a sibling it resembles, or the section where such a key exists.
std::string remedy(const std::string& path, const std::string& name,
                   std::span<const std::string_view> siblings) {
  if (std::string reason = missing_severity(path); !reason.empty()) return reason;
  std::string near = did_you_mean(name, siblings);
  if (!near.empty()) return near;
  const std::string ending = "." + name;
  for (const ConfigKey& key : config_keys()) {
    if (key.name.ends_with(ending)) return fmt::format(" (did you mean '{}'?)", key.name);
  }
  return {};
}

// A list as the lines that a repeatable key is set from. Empty after a problem.
std::optional<std::string> lines_of(const yaml::Node& node, const std::string& path,
                                    const yaml::FileProblems& problems) {
  std::string lines;
  for (const yaml::Node& item : node.children) {
    if (!item.is(Kind::scalar) || item.text.find('\n') != std::string::npos) {
      problems.at(item.line, fmt::format("{} must be a list of single values", path));
      return std::nullopt;
    }
    lines += item.text + "\n";
  }
  return lines;
}

// A list or map of single values as the text that a key takes them from. Nothing after a problem.
std::optional<std::string> flow_of(const yaml::Node& node, const std::string& path,
                                   const yaml::FileProblems& problems) {
  const bool is_map = node.is(Kind::map);
  std::string text;
  for (const yaml::Node& item : node.children) {
    if (!item.is(Kind::scalar)) {
      problems.at(item.line, fmt::format("{} must hold single values", path));
      return std::nullopt;
    }
    text += text.empty() ? "" : ", ";
    if (is_map) text += yaml::scalar(item.key) + ": ";
    text += yaml::scalar(item.text);
  }
  return fmt::format("{}{}{}", is_map ? '{' : '[', text, is_map ? '}' : ']');
}

class FileReader {
 public:
  FileReader(Config& config, Origins& origins, const yaml::FileProblems& problems)
      : config_(config), origins_(origins), problems_(problems) {}

  void read(const yaml::Node& root) {
    const OwnSection& types = own_sections.front();
    for (const yaml::Node& child : root.children) {
      if (child.key != types.name) continue;
      types.read(child, config_, origins_, problems_);
      check_shifts(child);
    }
    read_section(root, "");
  }

 private:
  void read_section(const yaml::Node& node, const std::string& path) {
    if (node.is(Kind::null)) return;
    if (!node.is(Kind::map)) {
      problems_.at(node.line, fmt::format("{} must be a map of keys", path.empty() ? "a config file" : path));
      return;
    }
    const std::vector<std::string_view> known = names_under(path);
    for (const yaml::Node& child : node.children) {
      if (path.empty() && yaml::is_extension_key(child.key)) continue;
      const std::string full = path.empty() ? child.key : fmt::format("{}.{}", path, child.key);
      if (std::ranges::find(known, child.key) == known.end()) {
        report_unknown(child, full, known);
      } else {
        read_known(child, full);
      }
    }
  }

  // A section of another simulator is named key by key, with what each is called here.
  void report_unknown(const yaml::Node& node, const std::string& path,
                      std::span<const std::string_view> known) {
    const auto equivalent = foreign::equivalent_of_key(path, node.text);
    if (!equivalent && node.is(Kind::map) && foreign::knows_keys_in(path)) {
      for (const yaml::Node& child : node.children) report_unknown(child, path + "." + child.key, {});
      return;
    }
    problems_.at(node.key_line,
                 fmt::format("unknown key {}{}", in_quotes(path),
                             equivalent ? foreign::hint(*equivalent, in_quotes(equivalent->ours))
                                        : remedy(path, node.key, known)));
  }

  void read_known(const yaml::Node& node, const std::string& path) {
    if (path == own_sections.front().name) return;  // read already
    const auto* own = std::ranges::find(own_sections, path, &OwnSection::name);
    if (own != own_sections.end()) return own->read(node, config_, origins_, problems_);
    if (const ConfigKey* key = find_config_key(path)) return read_value(node, *key);
    read_section(node, path);
  }

  void read_value(const yaml::Node& node, const ConfigKey& key) {
    // A key without a value keeps what it has.
    const bool is_word = key.null_is_a_word && node.text == "null";
    if (node.is(Kind::null) && !is_word) return;
    if (node.is(Kind::sequence) && key.repeatable) {
      if (const auto lines = lines_of(node, std::string(key.name), problems_)) set(node, key, *lines);
    } else if (key.is_flow && !node.is(Kind::scalar) && !node.is(Kind::null)) {
      if (const auto text = flow_of(node, std::string(key.name), problems_)) set(node, key, *text);
    } else if (node.is(Kind::map) || node.is(Kind::sequence)) {
      problems_.at(node.line, fmt::format("{} must be a single value", key.name));
    } else {
      set(node, key, node.text);
    }
  }

  // Of behaviors in earlier files, which knew other types.
  void check_shifts(const yaml::Node& section) {
    for (const yaml::Node& node : section.children) {
      const auto type = config_.types.find(node.key);
      const std::string wrong =
          type == config_.types.end() ? std::string() : shift_problem(config_.behaviors, type->second);
      if (!wrong.empty()) problems_.at(node.key_line, fmt::format("types.{}.{}", node.key, wrong));
    }
  }

  void set(const yaml::Node& node, const ConfigKey& key, const std::string& text) {
    origins_[std::string(key.name)] = {problems_.place(node.line), text};
    const std::string wrong = key.set(config_, text);
    if (!wrong.empty()) problems_.at(node.line, fmt::format("{} {}", key.name, wrong));
  }

  Config& config_;
  Origins& origins_;
  const yaml::FileProblems& problems_;
};

}  // namespace

void read_config_file(const std::filesystem::path& path, Config& config, Origins& origins,
                      Problems& problems) {
  const auto content = files::read_text_file(path, largest_config_file_bytes, problems);
  if (content) read_config_text(*content, path.string(), config, origins, problems);
}

void read_config_text(std::string_view text, const std::string& place, Config& config, Origins& origins,
                      Problems& problems) {
  const yaml::FileProblems file(place, problems);
  const auto root = yaml::parse(text, file);
  if (root) FileReader(config, origins, file).read(*root);
}

}  // namespace fleet_sim::config
