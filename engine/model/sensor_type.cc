#include "model/sensor_type.h"

namespace fleet_sim::model {

const SensorType& built_in_type() {
  static const SensorType type = [] {
    SensorType made{batch::built_in_schema(), std::nullopt, Channel::temperature, {}};
    made.pattern.resize(made.schema.channels().size(), 0);
    made.pattern[index_of(Channel::temperature)] = 1;
    made.pattern[index_of(Channel::vibration)] = -1;
    return made;
  }();
  return type;
}

ChannelParameters normal_parameters(const config::Config& config, const SensorType& type) {
  if (type.normal_parameters) return *type.normal_parameters;
  return {config.normal_parameters.begin(), config.normal_parameters.end()};
}

}  // namespace fleet_sim::model
