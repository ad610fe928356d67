// The table of what a declaration says of each kind of source and channel: name, values, help, how it is read
// and written. The section `types`, its page, the messages about it and what a reload may change follow from
// it. Built when first used; read-only afterwards, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "types/schema.h"
#include "types/signal_declaration.h"
#include "yaml/tree.h"

namespace fleet_sim::declare {

// Those of one type, by their places; sources and channels refer to one another by name.
struct TypeNames {
  std::vector<std::string_view> sources;
  std::vector<std::string_view> channels;
};

// What is wrong with a value ("must be at least 0, not '-1'"), and on which line; no text: nothing.
struct FieldProblem {
  std::string text;
  std::size_t line = 0;
};

template <class Kind>
struct TypeField {
  std::string_view name;
  std::string values;  // which there are, as the page says it
  std::string_view help;
  bool required = false;
  bool at_once = true;  // whether a running fleet can follow a change

  // Assigns the value, if nothing is wrong with it.
  std::function<FieldProblem(const yaml::Node& node, const TypeNames& names, Kind& value)> read;
  // Text that `read` reads back to the same value.
  std::function<std::string(const TypeNames& names, const Kind& value)> text;
  // Whether it has the value that it has without being named.
  std::function<bool(const Kind& value)> is_usual;
};

// For each kind of types::Source and types::SignalChannel, for the ChannelColumn that any channel is, and for
// an Aging.
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
const std::vector<TypeField<types::ChannelColumn>>& type_fields();
template <>
const std::vector<TypeField<types::Gauge>>& type_fields();
template <>
const std::vector<TypeField<types::Counter>>& type_fields();
template <>
const std::vector<TypeField<types::State>>& type_fields();
template <>
const std::vector<TypeField<types::Product>>& type_fields();
template <>
const std::vector<TypeField<types::Aging>>& type_fields();

// In the order of the alternatives of types::Source. Those of types::SignalChannel are
// types::channel_kind_names; a channel without a kind is a gauge.
inline constexpr std::array<std::string_view, 5> source_kinds{"noise", "load", "lag", "cycle", "white"};

// Bounds of texts and lists.
inline constexpr std::size_t longest_unit_bytes = 32;
inline constexpr std::size_t longest_state_bytes = 64;
inline constexpr std::size_t most_thresholds = 15;

// The names that stand in a declaration.
TypeNames names_of(const std::vector<types::Source>& sources,
                   const std::vector<types::SignalChannel>& channels);

}  // namespace fleet_sim::declare
