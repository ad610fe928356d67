// The table of what a declaration says of each kind of source and channel: name, how it is read, how it is
// written. `types` is read and written from it, and errors list its names. Built when first used; read-only
// afterwards, any thread.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "types/signal_declaration.h"
#include "yaml/tree.h"

namespace fleet_sim::declare {

// Those of one type, by their places; sources and channels refer to one another by name.
struct TypeNames {
  std::vector<std::string_view> sources;
  std::vector<std::string_view> channels;
};

template <class Kind>
struct TypeField {
  std::string_view name;
  bool required = false;
  // What is wrong with the value ("must be at least 0, not '-1'"), or an empty string after assigning it.
  std::function<std::string(const yaml::Node& node, const TypeNames& names, Kind& value)> read;
  // Text that `read` reads back to the same value; empty where it is what it is without being named.
  std::function<std::string(const TypeNames& names, const Kind& value)> text;
};

template <class Kind>
const std::vector<TypeField<Kind>>& type_fields();

template <>
const std::vector<TypeField<types::Noise>>& type_fields();
template <>
const std::vector<TypeField<types::Load>>& type_fields();
template <>
const std::vector<TypeField<types::Lag>>& type_fields();
template <>
const std::vector<TypeField<types::Cycle>>& type_fields();
template <>
const std::vector<TypeField<types::White>>& type_fields();
template <>
const std::vector<TypeField<types::Gauge>>& type_fields();
template <>
const std::vector<TypeField<types::Counter>>& type_fields();
template <>
const std::vector<TypeField<types::State>>& type_fields();
template <>
const std::vector<TypeField<types::Product>>& type_fields();

// In the order of the alternatives of types::Source and types::SignalChannel. A channel without a kind is a
// gauge.
inline constexpr std::array<std::string_view, 5> source_kinds{"noise", "load", "lag", "cycle", "white"};
inline constexpr std::array<std::string_view, 4> channel_kinds{"gauge", "counter", "state", "product"};

}  // namespace fleet_sim::declare
