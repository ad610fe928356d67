// The types of sensor that a run knows, and what a schema says of declared channels.
#include <doctest/doctest.h>

#include <string_view>
#include <vector>

#include "types/built_in_type.h"
#include "types/catalog.h"

using namespace fleet_sim;

namespace {

types::DeclaredTypes tank() {
  types::DeclaredType type;
  type.signal.sources = {{"run", types::Load{}}};
  type.signal.channels = {
      {"level", types::Gauge{.base = 3, .white = 0.2, .range = {1, 5}, .resolution = 0.05}},
      {"filled", types::Counter{.rate = {{0, 1}}, .per = 1'000'000, .resolution = 0.1}},
      {"mode", types::State{0, {0.5}}}};
  for (const types::SignalChannel& channel : type.signal.channels)
    type.columns.push_back({channel.name, "u"});
  return {{"tank", type}};
}

}  // namespace

TEST_CASE("a catalog has the declared types and the built-in one") {
  const types::Catalog types(tank());
  CHECK(types.names() == std::vector<std::string_view>{"tank", "temperature_vibration"});
  CHECK(types.find("pump") == nullptr);
  CHECK(types::is_built_in(types["temperature_vibration"]));
  CHECK_FALSE(types::is_built_in(types["tank"]));
  CHECK(types.channel_names().size() == 6);
}

TEST_CASE("a declaration of the built-in type's name takes its place") {
  types::DeclaredTypes declared;
  declared["temperature_vibration"] = tank().at("tank");
  const types::Catalog types(declared);
  CHECK(types.names().size() == 1);
  CHECK_FALSE(types::is_built_in(types["temperature_vibration"]));
}

TEST_CASE("a schema says of each declared channel what it is") {
  const types::Catalog types(tank());
  const types::SensorType& type = types["tank"];
  const auto channels = type.schema.channels();
  CHECK(channels[0].kind == types::ChannelKind::gauge);
  CHECK(channels[0].decimals == 2);
  CHECK(channels[1].kind == types::ChannelKind::counter);
  CHECK(channels[1].decimals == 1);
  CHECK(channels[1].resolution == 0.1);
  CHECK(channels[2].kind == types::ChannelKind::state);
  CHECK(channels[2].decimals == 0);
  CHECK(type.normal_parameters[0] == types::ChannelParameters{3, 0.2, 1, 5});
  CHECK(type.has_normal_parameters(0));
  CHECK_FALSE(type.has_normal_parameters(1));
}
