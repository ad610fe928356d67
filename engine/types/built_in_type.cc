#include "types/built_in_type.h"

#include <string>
#include <utility>

namespace fleet_sim::types {
namespace {

struct Declared {
  std::string_view name;
  std::string_view unit;
  int decimals;
  ChannelParameters normal;
  double pattern;
};

constexpr Declared channels[] = {{temperature, "°C", 2, {65.0, 2.0, 50.0, 80.0}, 1},
                                 {vibration, "mm/s²", 3, {2.5, 0.5, 0.1, 10.0}, -1},
                                 {voltage, "V", 3, {12.0, 0.1, 11.5, 12.5}, 0}};

SensorType declare() {
  std::vector<ChannelColumn> columns;
  for (const Declared& channel : channels) {
    columns.push_back({std::string(channel.name), std::string(channel.unit), channel.decimals});
  }
  SensorType type{Schema("temperature_vibration", std::move(columns)), {}, {}, {}};
  for (const Declared& channel : channels) {
    type.normal_parameters.push_back(channel.normal);
    type.pattern.push_back(channel.pattern);
  }
  type.daily_channel = static_cast<Channel>(*type.schema.find_channel(temperature));
  return type;
}

}  // namespace

const SensorType& built_in_type() {
  static const SensorType type = declare();
  return type;
}

bool is_built_in(const SensorType& type) {
  return !type.signal && type.schema.type() == built_in_type().schema.type();
}

}  // namespace fleet_sim::types
