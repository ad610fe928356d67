#include "types/catalog.h"

#include <cassert>
#include <set>
#include <utility>
#include <variant>

#include "types/built_in_type.h"

namespace fleet_sim::types {
namespace {

// What an identity may replace of a channel: of a gauge, its base, white noise and range.
ChannelParameters normal_of(const SignalChannel& channel) {
  const auto* gauge = std::get_if<Gauge>(&channel.kind);
  if (gauge == nullptr) return {};
  return {gauge->base, gauge->white, gauge->range.low, gauge->range.high};
}

double resolution_of(const SignalChannel& channel) {
  return std::visit(
      [](const auto& kind) {
        if constexpr (requires { kind.resolution; }) return kind.resolution;
        return 0.0;
      },
      channel.kind);
}

SensorType type_of(const std::string& name, const DeclaredType& declared) {
  std::vector<ChannelColumn> columns = declared.columns;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    columns[c].kind = static_cast<ChannelKind>(declared.signal.channels[c].kind.index());
    columns[c].resolution = resolution_of(declared.signal.channels[c]);
    columns[c].decimals = decimals_of(columns[c].kind, columns[c].resolution);
  }
  SensorType type{Schema(name, std::move(columns)), {}, {}, {}, declared.signal};
  for (const SignalChannel& channel : declared.signal.channels) {
    type.normal_parameters.push_back(normal_of(channel));
    type.pattern.push_back(0);
  }
  return type;
}

}  // namespace

Catalog::Catalog() {
  add(built_in_type());
}

Catalog::Catalog(const DeclaredTypes& declared) {
  for (const auto& [name, type] : declared) add(type_of(name, type));
  types_.try_emplace(built_in_type().schema.type(), built_in_type());
}

Catalog::Catalog(std::vector<SensorType> types) {
  for (SensorType& type : types) add(std::move(type));
}

void Catalog::add(SensorType type) {
  std::string name = type.schema.type();
  types_.emplace(std::move(name), std::move(type));
}

const SensorType* Catalog::find(std::string_view name) const {
  const auto found = types_.find(name);
  return found == types_.end() ? nullptr : &found->second;
}

const SensorType& Catalog::operator[](std::string_view name) const {
  const SensorType* type = find(name);
  assert(type != nullptr);
  return *type;
}

const std::shared_ptr<const Catalog>& built_in_types() {
  static const auto types = std::make_shared<const Catalog>();
  return types;
}

std::vector<std::string_view> Catalog::names() const {
  std::vector<std::string_view> names;
  for (const auto& [name, type] : types_) names.emplace_back(name);
  return names;
}

std::vector<std::string_view> Catalog::channel_names() const {
  std::set<std::string_view> names;
  for (const auto& [name, type] : types_) {
    for (const ChannelColumn& channel : type.schema.channels()) names.insert(channel.name);
  }
  return {names.begin(), names.end()};
}

}  // namespace fleet_sim::types
