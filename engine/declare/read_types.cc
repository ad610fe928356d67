#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "base/nearest.h"
#include "base/plain_text.h"
#include "declare/check.h"
#include "declare/declarations.h"
#include "declare/fields.h"
#include "yaml/text.h"
#include "yaml/values.h"

namespace fleet_sim::declare {
namespace {

using NodeKind = yaml::Node::Kind;

constexpr std::array<std::string_view, 3> parts{"sources", "channels", "aging"};

template <class Variant, std::size_t i = 0>
Variant alternative(std::size_t index) {
  if constexpr (i + 1 < std::variant_size_v<Variant>) {
    if (index != i) return alternative<Variant, i + 1>(index);
  }
  return Variant(std::in_place_index<i>);
}

// The keys of a source or channel: of its kind, and, of a channel, of its column.
template <class Kind>
void add_names(std::vector<std::string_view>& names) {
  for (const TypeField<Kind>& field : type_fields<Kind>()) names.push_back(field.name);
}

class TypeReader {
 public:
  TypeReader(std::string name, const yaml::FileProblems& problems)
      : name_(std::move(name)), path_("types." + name_), problems_(problems) {}

  // Nothing after a problem.
  std::optional<types::DeclaredType> read(const yaml::Node& node) {
    if (!is_map(node, path_)) return std::nullopt;
    for (const yaml::Node& child : node.children) {
      if (std::ranges::find(parts, child.key) == parts.end()) unknown(child, path_, parts);
    }
    const yaml::Node* const sources = yaml::find_value(node, "sources");
    const yaml::Node* const channels = yaml::find_value(node, "channels");
    if (channels == nullptr) at(node.key_line, path_, "must have channels");
    // All names first: what refers to one may stand before it.
    if (sources != nullptr) name_sources(*sources);
    if (channels != nullptr) name_channels(*channels);
    if (channels != nullptr && !failed_ && type_.columns.empty())
      at(channels->key_line, path_ + ".channels", "must not be empty");
    if (failed_) return std::nullopt;
    names_ = names_of(type_.signal.sources, type_.signal.channels);
    if (sources != nullptr) read_sources(*sources);
    read_channels(*channels);
    if (const yaml::Node* const agings = yaml::find_value(node, "aging")) read_agings(*agings);
    if (!failed_) check(node);
    return failed_ ? std::nullopt : std::optional(std::move(type_));
  }

 private:
  void name_sources(const yaml::Node& node) {
    if (!is_map(node, path_ + ".sources", types::most_sources)) return;
    for (const yaml::Node& source : node.children) type_.signal.sources.push_back({source.key, {}});
  }

  void name_channels(const yaml::Node& node) {
    if (!is_map(node, path_ + ".channels", types::most_channels)) return;
    for (const yaml::Node& channel : node.children) {
      type_.signal.channels.push_back({channel.key, {}});
      type_.columns.push_back({.name = channel.key, .unit = {}});
    }
  }

  void read_sources(const yaml::Node& node) {
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      const yaml::Node& source = node.children[i];
      const std::string path = yaml::below(path_ + ".sources", source.key);
      read_kind(source, path, source_kinds, std::nullopt, type_.signal.sources[i].kind, nullptr);
    }
  }

  void read_channels(const yaml::Node& node) {
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      const yaml::Node& channel = node.children[i];
      const std::string path = yaml::below(path_ + ".channels", channel.key);
      read_kind(channel, path, types::channel_kind_names, 0, type_.signal.channels[i].kind,
                &type_.columns[i]);
    }
  }

  void read_agings(const yaml::Node& node) {
    if (!is_map(node, path_ + ".aging", types::most_agings)) return;
    for (const yaml::Node& aging : node.children) {
      const std::string path = yaml::below(path_ + ".aging", aging.key);
      if (!is_map(aging, path)) continue;
      types::Aging& value = type_.signal.agings.emplace_back();
      value.name = aging.key;
      std::vector<std::string_view> known;
      add_names<types::Aging>(known);
      check_keys(aging, path, known);
      read_fields(aging, path, "aging", value);
    }
  }

  // The kind that the map names, or `usual`, and what it says of it; and of the `column`, where there is one.
  template <class Variant, std::size_t n>
  void read_kind(const yaml::Node& node, const std::string& path,
                 const std::array<std::string_view, n>& kinds, std::optional<std::size_t> usual,
                 Variant& value, types::ChannelColumn* column) {
    if (!is_map(node, path)) return;
    const auto kind = kind_of(node, path, kinds, usual);
    if (!kind) return;
    value = alternative<Variant>(*kind);
    std::visit(
        [&]<class Kind>(Kind& of_kind) {
          check_keys<Kind>(node, path, column != nullptr);
          if (column != nullptr) read_fields(node, path, "channel", *column);
          read_fields(node, path, kinds[*kind], of_kind);
        },
        value);
  }

  template <std::size_t n>
  std::optional<std::size_t> kind_of(const yaml::Node& node, const std::string& path,
                                     const std::array<std::string_view, n>& kinds,
                                     std::optional<std::size_t> usual) {
    const yaml::Node* const named = yaml::find_value(node, "kind");
    if (named == nullptr) {
      if (!usual) at(node.key_line, path, fmt::format("must have a kind: {}", fmt::join(kinds, ", ")));
      return usual;
    }
    const auto found = std::ranges::find(kinds, named->text);
    if (named->is(NodeKind::scalar) && found != kinds.end())
      return static_cast<std::size_t>(found - kinds.begin());
    at(*named, path + ".kind",
       yaml::must_be(fmt::format("{}", fmt::join(kinds, ", ")), named->text) +
           did_you_mean(named->text, kinds));
    return std::nullopt;
  }

  template <class Kind>
  void check_keys(const yaml::Node& node, const std::string& path, bool is_channel) {
    std::vector<std::string_view> known{"kind"};
    if (is_channel) add_names<types::ChannelColumn>(known);
    add_names<Kind>(known);
    check_keys(node, path, known);
  }

  void check_keys(const yaml::Node& node, const std::string& path, std::span<const std::string_view> known) {
    for (const yaml::Node& child : node.children) {
      if (std::ranges::find(known, child.key) == known.end()) unknown(child, path, known);
    }
  }

  template <class Kind>
  void read_fields(const yaml::Node& node, const std::string& path, std::string_view kind, Kind& value) {
    for (const TypeField<Kind>& field : type_fields<Kind>()) {
      const yaml::Node* const child = yaml::find_value(node, field.name);
      if (child == nullptr) {
        if (field.required)
          at(node.key_line, path, fmt::format("must have '{}', as every {} does", field.name, kind));
      } else if (const FieldProblem wrong = field.read(*child, names_, value); !wrong.text.empty()) {
        at(wrong.line, fmt::format("{}.{}", path, field.name), wrong.text);
      }
    }
  }

  void check(const yaml::Node& node) {
    for (const TypeProblem& problem : problems_of(name_, type_)) {
      // At the source or channel that it is about.
      const yaml::Node* place = &node;
      std::string path = path_;
      for (const std::string& part : problem.path) {
        path = yaml::below(path, part);
        const auto child = std::ranges::find(place->children, part, &yaml::Node::key);
        if (child != place->children.end()) place = &*child;
      }
      at(place == &node ? node.key_line : place->key_line, path, problem.text);
    }
  }

  bool is_map(const yaml::Node& node, const std::string& path) {
    if (!node.is(NodeKind::map)) at(node, path, "must be a map");
    return node.is(NodeKind::map);
  }

  // Before anything is looked up in it: among a million names, that would take long.
  bool is_map(const yaml::Node& node, const std::string& path, std::size_t most) {
    if (!is_map(node, path)) return false;
    const std::size_t count = node.children.size();
    if (count > most) at(node.key_line, path, fmt::format("must be at most {}, not {}", most, count));
    return count <= most;
  }

  void unknown(const yaml::Node& node, const std::string& path, std::span<const std::string_view> known) {
    failed_ = true;
    problems_.at(node.key_line, fmt::format("unknown key {}{}", in_quotes(path + "." + node.key),
                                            did_you_mean_or_takes(node.key, known)));
  }

  void at(const yaml::Node& node, const std::string& path, const std::string& wrong) {
    at(node.line, path, wrong);
  }
  void at(std::size_t line, const std::string& path, const std::string& wrong) {
    failed_ = true;
    problems_.at(line, fmt::format("{} {}", path, wrong));
  }

  std::string name_;
  std::string path_;
  const yaml::FileProblems& problems_;
  types::DeclaredType type_;
  TypeNames names_;
  bool failed_ = false;
};

}  // namespace

void read_types(const yaml::Node& section, types::DeclaredTypes& types, const yaml::FileProblems& problems) {
  if (section.is(NodeKind::null)) return;
  if (!section.is(NodeKind::map)) return problems.at(section.line, "types must be a map of names");
  const auto check_count = [&](std::size_t count) {
    if (count > types::most_types)
      problems.at(section.key_line,
                  fmt::format("types must be at most {}, not {}", types::most_types, count));
    return count <= types::most_types;
  };
  if (!check_count(section.children.size())) return;
  for (const yaml::Node& node : section.children) {
    if (const std::string wrong = type_name_problem(node.key, types); !wrong.empty()) {
      problems.at(node.key_line, fmt::format("types.{} {}", in_quotes(node.key), wrong));
    } else if (auto type = TypeReader(node.key, problems).read(node)) {
      types.insert_or_assign(node.key, std::move(*type));
    }
  }
  check_count(types.size());
  if (const std::size_t bytes = types_text(types).size(); bytes > most_types_bytes)
    problems.at(section.key_line, fmt::format("types must not need more than {} bytes together, not {}",
                                              most_types_bytes, bytes));
}

}  // namespace fleet_sim::declare
