// A type of sensor: its channels, what they normally read, and which of them the day and a pattern act on. A
// value made when a fleet is loaded; the built-in type is one declaration of it. Immutable; any thread.
#pragma once

#include <optional>
#include <vector>

#include "batch/schema.h"
#include "config/config.h"

namespace fleet_sim::model {

using ChannelParameters = std::vector<config::ChannelParameters>;  // in the order of a type's channels

struct SensorType {
  batch::Schema schema;
  std::optional<ChannelParameters> normal_parameters;  // none: the config's
  std::optional<Channel> daily_channel;                // that the daily cycle and the work-hours rise act on
  std::vector<double> pattern;  // by channel: which way a pattern takes it first, 1 or -1; 0: not at all
};

// temperature_vibration. The day acts on its temperature, a pattern on temperature and, the other way round,
// vibration.
const SensorType& built_in_type();

// What the channels of a type normally read unless an identity says otherwise.
ChannelParameters normal_parameters(const config::Config& config, const SensorType& type = built_in_type());

}  // namespace fleet_sim::model
