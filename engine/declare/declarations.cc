#include "declare/declarations.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "base/nearest.h"
#include "base/plain_text.h"
#include "base/text.h"
#include "declare/check.h"
#include "declare/fields.h"
#include "yaml/text.h"
#include "yaml/values.h"

namespace fleet_sim::declare {
namespace {

using NodeKind = yaml::Node::Kind;

constexpr std::size_t longest_unit_bytes = 32;
constexpr std::size_t longest_state_bytes = 64;

template <class Variant, std::size_t i = 0>
Variant alternative(std::size_t index) {
  if constexpr (i + 1 < std::variant_size_v<Variant>) {
    if (index != i) return alternative<Variant, i + 1>(index);
  }
  return Variant(std::in_place_index<i>);
}

const yaml::Node* child_of(const yaml::Node& map, std::string_view name) {
  const auto child = std::ranges::find(map.children, name, &yaml::Node::key);
  return child == map.children.end() || child->is(NodeKind::null) ? nullptr : &*child;
}

TypeNames names_of(const types::DeclaredType& type) {
  TypeNames names;
  for (const types::Source& source : type.signal.sources) names.sources.push_back(source.name);
  for (const types::SignalChannel& channel : type.signal.channels) names.channels.push_back(channel.name);
  return names;
}

class TypeReader {
 public:
  TypeReader(std::string path, const yaml::FileProblems& problems)
      : path_(std::move(path)), problems_(problems) {}

  // Nothing after a problem.
  std::optional<types::DeclaredType> read(const yaml::Node& node) {
    if (!is_map(node, path_)) return std::nullopt;
    for (const yaml::Node& child : node.children) {
      if (child.key != "sources" && child.key != "channels")
        unknown(child, path_, std::array<std::string_view, 2>{"sources", "channels"});
    }
    const yaml::Node* const sources = child_of(node, "sources");
    const yaml::Node* const channels = child_of(node, "channels");
    if (channels == nullptr) {
      at(node, path_, "must have channels");
      return std::nullopt;
    }
    // All names first: what refers to one may stand before it.
    name_sources(sources);
    name_channels(*channels);
    if (failed_) return std::nullopt;
    names_ = names_of(type_);
    if (sources != nullptr) read_sources(*sources);
    read_channels(*channels);
    if (failed_) return std::nullopt;
    check(node);
    return failed_ ? std::nullopt : std::optional(std::move(type_));
  }

 private:
  void name_sources(const yaml::Node* node) {
    if (node == nullptr || !is_map(*node, path_ + ".sources")) return;
    for (const yaml::Node& source : node->children) type_.signal.sources.push_back({source.key, {}});
  }

  void name_channels(const yaml::Node& node) {
    if (!is_map(node, path_ + ".channels")) return;
    for (const yaml::Node& channel : node.children) {
      type_.signal.channels.push_back({channel.key, {}});
      type_.columns.push_back({channel.key, "", 3});
    }
  }

  void read_sources(const yaml::Node& node) {
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      const yaml::Node& source = node.children[i];
      const std::string path = fmt::format("{}.sources.{}", path_, source.key);
      read_kind(source, path, source_kinds, std::nullopt, type_.signal.sources[i].kind, {});
    }
  }

  void read_channels(const yaml::Node& node) {
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      const yaml::Node& channel = node.children[i];
      const std::string path = fmt::format("{}.channels.{}", path_, channel.key);
      read_kind(channel, path, channel_kinds, 0, type_.signal.channels[i].kind, {"unit", "names"});
      if (channel.is(NodeKind::map)) read_column(channel, path, type_.columns[i], type_.signal.channels[i]);
    }
  }

  // The kind that the map names, or `usual`, and what it says of it.
  template <class Variant, std::size_t n>
  void read_kind(const yaml::Node& node, const std::string& path,
                 const std::array<std::string_view, n>& kinds, std::optional<std::size_t> usual,
                 Variant& value, const std::vector<std::string_view>& beside) {
    if (!is_map(node, path)) return;
    const yaml::Node* const named = child_of(node, "kind");
    std::optional<std::size_t> kind = usual;
    if (named != nullptr) {
      const auto found = std::ranges::find(kinds, named->text);
      if (found == kinds.end() || !named->is(NodeKind::scalar))
        return at(*named, path + ".kind",
                  yaml::must_be(fmt::format("{}", fmt::join(kinds, ", ")), named->text) +
                      did_you_mean(named->text, kinds));
      kind = static_cast<std::size_t>(found - kinds.begin());
    }
    if (!kind) return at(node, path, fmt::format("must have a kind: {}", fmt::join(kinds, ", ")));
    value = alternative<Variant>(*kind);
    std::visit([&](auto& of_kind) { read_fields(node, path, kinds[*kind], of_kind, beside); }, value);
  }

  template <class Kind>
  void read_fields(const yaml::Node& node, const std::string& path, std::string_view kind, Kind& value,
                   const std::vector<std::string_view>& beside) {
    const std::vector<TypeField<Kind>>& fields = type_fields<Kind>();
    std::vector<std::string_view> known(beside);
    known.emplace_back("kind");
    for (const TypeField<Kind>& field : fields) known.push_back(field.name);
    for (const yaml::Node& child : node.children) {
      const auto field = std::ranges::find(fields, child.key, &TypeField<Kind>::name);
      if (field == fields.end()) {
        if (std::ranges::find(known, child.key) == known.end()) unknown(child, path, known);
      } else if (!child.is(NodeKind::null)) {
        if (const std::string wrong = field->read(child, names_, value); !wrong.empty())
          at(child, fmt::format("{}.{}", path, child.key), wrong);
      }
    }
    for (const TypeField<Kind>& field : fields) {
      if (field.required && child_of(node, field.name) == nullptr)
        at(node, path, fmt::format("must have '{}', as every {} does", field.name, kind));
    }
  }

  void read_column(const yaml::Node& node, const std::string& path, types::ChannelColumn& column,
                   const types::SignalChannel& channel) {
    if (const yaml::Node* const unit = child_of(node, "unit"))
      column.unit = short_text(*unit, path + ".unit", longest_unit_bytes);
    const types::State* const state = std::get_if<types::State>(&channel.kind);
    const yaml::Node* const names = child_of(node, "names");
    if (names == nullptr) return;
    if (state == nullptr) return at(*names, path + ".names", "are for channels of the kind state");
    read_state_names(*names, path + ".names", state->at.size() + 1, column.states);
  }

  void read_state_names(const yaml::Node& node, const std::string& path, std::size_t count,
                        std::vector<std::string>& states) {
    if (!node.is(NodeKind::sequence) || node.children.size() != count)
      return at(node, path, fmt::format("must be a list of {}: one more than there are thresholds", count));
    for (const yaml::Node& name : node.children)
      states.push_back(short_text(name, path, longest_state_bytes));
  }

  std::string short_text(const yaml::Node& node, const std::string& path, std::size_t most_bytes) {
    if (!node.is(NodeKind::scalar)) {
      at(node, path, "must be a single value");
    } else if (node.text.size() > most_bytes) {
      at(node, path, fmt::format("must not be longer than {} bytes", most_bytes));
    } else if (find_text_flaw(node.text)) {
      at(node, path, yaml::must_be("UTF-8 text without control characters", node.text));
    }
    return node.text;
  }

  void check(const yaml::Node& node) {
    for (const TypeProblem& problem : problems_of(type_)) {
      // At the source or channel that it is about.
      const yaml::Node* place = &node;
      for (const std::string& part : problem.path) {
        const auto child = std::ranges::find(place->children, part, &yaml::Node::key);
        if (child == place->children.end()) break;
        place = &*child;
      }
      std::string path = path_;
      for (const std::string& part : problem.path) path += "." + part;
      at(*place, path, problem.text);
    }
  }

  bool is_map(const yaml::Node& node, const std::string& path) {
    if (!node.is(NodeKind::map)) at(node, path, "must be a map");
    return node.is(NodeKind::map);
  }

  void unknown(const yaml::Node& node, const std::string& path, std::span<const std::string_view> known) {
    failed_ = true;
    problems_.at(node.key_line, fmt::format("unknown key {}{}", in_quotes(path + "." + node.key),
                                            did_you_mean(node.key, known)));
  }

  void at(const yaml::Node& node, const std::string& path, const std::string& wrong) {
    failed_ = true;
    problems_.at(node.line, fmt::format("{} {}", path, wrong));
  }

  std::string path_;
  const yaml::FileProblems& problems_;
  types::DeclaredType type_;
  TypeNames names_;
  bool failed_ = false;
};

template <class Kind>
std::string fields_text(const TypeNames& names, std::string_view kind, const Kind& value) {
  std::string text = fmt::format("kind: {}", kind);
  for (const TypeField<Kind>& field : type_fields<Kind>()) {
    if (const std::string one = field.text(names, value); !one.empty())
      text += fmt::format(", {}: {}", field.name, one);
  }
  return text;
}

template <class Variant, std::size_t n>
std::string kind_text(const TypeNames& names, const std::array<std::string_view, n>& kinds,
                      const Variant& value) {
  return std::visit([&](const auto& kind) { return fields_text(names, kinds[value.index()], kind); }, value);
}

std::string states_text(const std::vector<std::string>& states) {
  if (states.empty()) return {};
  std::string text;
  for (const std::string& state : states) text += (text.empty() ? "" : ", ") + yaml::quoted(state);
  return fmt::format(", names: [{}]", text);
}

}  // namespace

void read_types(const yaml::Node& section, types::DeclaredTypes& types, const yaml::FileProblems& problems) {
  if (section.is(NodeKind::null)) return;
  if (!section.is(NodeKind::map)) return problems.at(section.line, "types must be a map of names");
  for (const yaml::Node& node : section.children) {
    if (const std::string wrong = type_name_problem(node.key); !wrong.empty()) {
      problems.at(node.key_line, fmt::format("types: {} {}", in_quotes(node.key), wrong));
    } else if (auto type = TypeReader("types." + node.key, problems).read(node)) {
      types.insert_or_assign(node.key, std::move(*type));
    }
  }
  if (types.size() > types::most_types)
    problems.at(section.line, fmt::format("types must not be more than {}", types::most_types));
}

std::string types_text(const types::DeclaredTypes& types) {
  std::string text;
  for (const auto& [name, type] : types) {
    if (text.empty()) text = "types:\n";
    const TypeNames names = names_of(type);
    text += fmt::format("  {}:\n", yaml::scalar(name));
    if (!type.signal.sources.empty()) text += "    sources:\n";
    for (const types::Source& source : type.signal.sources) {
      text += fmt::format("      {}: {{{}}}\n", yaml::scalar(source.name),
                          kind_text(names, source_kinds, source.kind));
    }
    text += "    channels:\n";
    for (std::size_t c = 0; c < type.columns.size(); ++c) {
      const types::ChannelColumn& column = type.columns[c];
      text += fmt::format("      {}: {{{}{}{}}}\n", yaml::scalar(column.name),
                          column.unit.empty() ? "" : fmt::format("unit: {}, ", yaml::quoted(column.unit)),
                          kind_text(names, channel_kinds, type.signal.channels[c].kind),
                          states_text(column.states));
    }
  }
  return text;
}

}  // namespace fleet_sim::declare
