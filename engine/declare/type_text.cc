// Writes declared types as the YAML that read_types reads.
#include <fmt/format.h>

#include <string_view>
#include <utility>
#include <variant>

#include "declare/declarations.h"
#include "declare/fields.h"
#include "types/built_in_type.h"
#include "yaml/text.h"

namespace fleet_sim::declare {
namespace {

// ", duty: 0.6" for each field that has to be named.
template <class Kind>
std::string fields_text(const TypeNames& names, const Kind& value) {
  std::string text;
  for (const TypeField<Kind>& field : type_fields<Kind>()) {
    if (field.required || !field.is_usual(value))
      text += fmt::format(", {}: {}", field.name, field.text(names, value));
  }
  return text;
}

template <class Variant>
std::string kind_fields_text(const TypeNames& names, const Variant& value) {
  return std::visit([&](const auto& kind) { return fields_text(names, kind); }, value);
}

TypeNames names_in(const types::DeclaredType& type) {
  return names_of(type.signal.sources, type.signal.channels);
}

}  // namespace

std::string source_text(const types::DeclaredType& type, std::size_t source) {
  const auto& kind = type.signal.sources[source].kind;
  return fmt::format("{{kind: {}{}}}", source_kinds[kind.index()], kind_fields_text(names_in(type), kind));
}

std::string channel_text(const types::DeclaredType& type, std::size_t channel) {
  const TypeNames names = names_in(type);
  const auto& kind = type.signal.channels[channel].kind;
  std::string text =
      kind.index() == 0 ? "" : fmt::format(", kind: {}", types::channel_kind_names[kind.index()]);
  text += fields_text(names, type.columns[channel]) + kind_fields_text(names, kind);
  return fmt::format("{{{}}}", text.substr(2));
}

std::string aging_text(const types::DeclaredType& type, std::size_t aging) {
  return fmt::format("{{{}}}", fields_text(names_in(type), type.signal.agings[aging]).substr(2));
}

std::string types_text(const types::DeclaredTypes& types) {
  std::string text = types.empty() ? "" : "types:\n";
  for (const auto& [name, type] : types) {
    text += fmt::format("  {}:\n", yaml::scalar(name));
    if (!type.signal.sources.empty()) text += "    sources:\n";
    for (std::size_t s = 0; s < type.signal.sources.size(); ++s) {
      text += fmt::format("      {}: {}\n", yaml::scalar(type.signal.sources[s].name), source_text(type, s));
    }
    text += "    channels:\n";
    for (std::size_t c = 0; c < type.columns.size(); ++c) {
      text += fmt::format("      {}: {}\n", yaml::scalar(type.columns[c].name), channel_text(type, c));
    }
    if (!type.signal.agings.empty()) text += "    aging:\n";
    for (std::size_t a = 0; a < type.signal.agings.size(); ++a) {
      text += fmt::format("      {}: {}\n", yaml::scalar(type.signal.agings[a].name), aging_text(type, a));
    }
  }
  return text;
}

types::DeclaredType built_in_declaration(const types::NormalParameters& parameters) {
  const types::SensorType& built_in = types::built_in_type();
  types::DeclaredType type;
  for (std::size_t c = 0; c < parameters.size(); ++c) {
    const types::ChannelColumn& column = built_in.schema.channels()[c];
    const types::ChannelParameters& normal = parameters[c];
    type.columns.push_back(column);
    type.signal.channels.push_back(
        {column.name,
         types::Gauge{.base = normal.mean, .white = normal.std_dev, .range = {normal.min, normal.max}}});
  }
  return type;
}

}  // namespace fleet_sim::declare
