// The names of the `behaviors` section and the members they stand for, in one table for reading, writing and
// comparing. The effects that are neither a number nor a factor per channel are few and are named where they
// are read and written. Constants; any thread.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/units.h"
#include "types/built_in_type.h"

namespace fleet_sim::config {

using BehaviorEntries = std::map<std::string, Behavior, std::less<>>;

// A part of the section and the entries it holds.
struct BehaviorKind {
  std::string_view name;
  BehaviorEntries Behaviors::*entries;
};
inline constexpr std::array<BehaviorKind, 4> behavior_kinds{{{"firmware", &Behaviors::firmware},
                                                             {"model", &Behaviors::model},
                                                             {"manufacturer", &Behaviors::manufacturer},
                                                             {"location", &Behaviors::location}}};

inline constexpr Bounds factor_bounds{0, 1'000};
inline constexpr Bounds gain_bounds{-1'000, 1'000};
inline constexpr Bounds shift_bounds{-1e9, 1e9};

// An effect that is one number.
struct NumberEffect {
  std::string_view name;
  double Behavior::*value;
  Bounds bounds;
};
inline constexpr std::array<NumberEffect, 4> number_effects{
    {{"probability", &Behavior::probability, factor_bounds},
     {"severity", &Behavior::severity, factor_bounds},
     {"daily", &Behavior::daily, factor_bounds},
     {"work_hours_rise", &Behavior::work_hours_rise, {-1'000, 1'000}}}};

// The channels that effects may name: the built-in type's, then the gauges of declared ones.
std::vector<std::string_view> effect_channels(const types::DeclaredTypes& types);

// An effect that is one factor per channel.
struct ChannelEffect {
  std::string_view name;
  types::ChannelFactors Behavior::*factors;
};
inline constexpr std::array<ChannelEffect, 2> channel_effects{
    {{"spread", &Behavior::spread}, {"noise", &Behavior::noise}}};

// An effect of any shape, as it is written and compared.
struct BehaviorEffect {
  std::string_view name;
  std::function<bool(const Behavior&)> is_set;       // false: the entry leaves it as it is
  std::function<std::string(const Behavior&)> text;  // of one that is set: YAML on one line
  std::function<bool(const Behavior&, const Behavior&)> equal;
};
// All effects, in the order they are written.
std::span<const BehaviorEffect> behavior_effects();

// Of spike_factor.
inline constexpr std::array<std::string_view, 2> range_names{"min", "max"};

}  // namespace fleet_sim::config
