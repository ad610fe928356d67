#include "explain/shared_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/plain_text.h"
#include "base/text.h"
#include "identity/identity.h"

namespace fleet_sim::explain {
namespace {

constexpr std::size_t longest_place = 40;  // columns

std::string place_text(std::string_view place) {
  return in_quotes(cut_to_columns(place, longest_place));
}

}  // namespace

types::Scope scope_of(const types::Source& source) {
  if (const auto* noise = std::get_if<types::Noise>(&source.kind)) return noise->scope;
  if (const auto* load = std::get_if<types::Load>(&source.kind)) return load->scope;
  return types::Scope::sensor;
}

std::string owner_of(const ExplainedSensor& sensor, const types::Source& source) {
  switch (scope_of(source)) {
    case types::Scope::sensor:
      return "this sensor's own";
    case types::Scope::location:
      return "shared by all sensors of location " + place_text(sensor.location);
    case types::Scope::site:
      return "shared by all sensors of site " + place_text(identity::site_of(sensor.location));
    case types::Scope::fleet:
      return "shared by all sensors of the fleet";
  }
  return {};
}

bool follows_clock(const types::SignalDeclaration& signal) {
  return std::ranges::any_of(signal.sources, [](const types::Source& source) {
    const auto* load = std::get_if<types::Load>(&source.kind);
    return std::holds_alternative<types::Cycle>(source.kind) || (load != nullptr && !load->schedule.empty());
  });
}

}  // namespace fleet_sim::explain
