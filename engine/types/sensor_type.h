// A type of sensor: its channels, what they normally read, and which of them the day and a pattern act on.
// What configs and identities say of channels, they say by name; each type looks up its own. A value made
// when a fleet is loaded. Immutable; any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/terms.h"
#include "types/schema.h"
#include "types/signal_declaration.h"

namespace fleet_sim::types {

// What a channel reads while nothing is wrong, in its unit.
struct ChannelParameters {
  double mean = 0;
  double std_dev = 0;
  double min = 0;
  double max = 0;

  bool operator==(const ChannelParameters&) const = default;
};
// What is impossible about them; empty when nothing is. The text begins with the parameter's name.
// `shown` says how a message is to show a parameter.
using ShowParameter = std::function<std::string(std::string_view name, double value)>;
std::string as_number(std::string_view name, double value);
std::string problem_of(const ChannelParameters& channel, const ShowParameter& shown = as_number);

using NormalParameters = std::vector<ChannelParameters>;  // in the order of a type's channels

struct SensorType {
  Schema schema;
  NormalParameters normal_parameters;
  std::optional<Channel> daily_channel;  // that the daily cycle and the work-hours rise act on
  std::vector<double> pattern;  // by channel: which way a pattern takes it first, 1 or -1; 0: not at all
  // Only gauges have them.
  [[nodiscard]] bool has_normal_parameters(std::size_t channel) const {
    return !signal || std::holds_alternative<Gauge>(signal->channels[channel].kind);
  }

  // Whether its level, which anomalies change, is the logarithm of what it reads.
  [[nodiscard]] bool is_logarithmic(std::size_t channel) const {
    const auto* gauge = signal ? std::get_if<Gauge>(&signal->channels[channel].kind) : nullptr;
    return gauge != nullptr && gauge->scale == Gauge::Scale::logarithmic;
  }

  std::optional<SignalDeclaration> signal{};  // of a declared type; none: white noise around what is normal
  Schema delivered = schema.with_delivery();  // of its rows where delivery is on
};

}  // namespace fleet_sim::types
