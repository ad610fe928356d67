#include "start/foreign_variables.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "base/plain_text.h"
#include "config/config_keys.h"
#include "foreign/names.h"

namespace fleet_sim::start {
namespace {

constexpr std::string_view sensor_prefix = "SENSOR_";
constexpr std::array<std::string_view, 4> followed{"SENSOR_ID", "SENSOR_LOCATION", "SENSOR_CONFIG",
                                                   "SENSOR_IDENTITY_FILE"};
constexpr std::size_t most_warnings = 20;

// Those that Kubernetes sets for a service that happens to be called `sensor`.
bool is_kubernetes(std::string_view name) {
  return name.starts_with("SENSOR_SERVICE_") || name.starts_with("SENSOR_PORT");
}

bool is_set(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value != nullptr && *value != '\0';
}

// Nothing where there is nothing to say.
std::optional<std::string> warning(std::string_view name, std::string_view value) {
  const std::string shown = fmt::format("{}={}", printable(name), printable(value, 40));
  if (const auto equivalent = foreign::equivalent_of_variable(name, value)) {
    const std::string ours =
        equivalent->ours.empty() ? std::string() : config::environment_name(equivalent->ours);
    if (!ours.empty() && is_set(ours)) return std::nullopt;
    return fmt::format("ignoring {}{}", shown, foreign::hint(*equivalent, ours));
  }
  const bool is_ours = std::ranges::find(followed, name) != followed.end();
  if (!name.starts_with(sensor_prefix) || is_ours || is_kubernetes(name)) return std::nullopt;
  return fmt::format(
      "ignoring {} (fleet-sim reads SENSOR_ID and SENSOR_LOCATION, and its own variables begin "
      "with FLEET_SIM_)",
      shown);
}

}  // namespace

std::vector<std::string> foreign_variable_warnings(const char* const* environment) {
  std::vector<std::string> warnings;
  for (; *environment != nullptr && warnings.size() < most_warnings; ++environment) {
    const std::string_view entry(*environment);
    const std::size_t end = entry.find('=');
    if (end == std::string_view::npos || end + 1 == entry.size()) continue;
    if (auto line = warning(entry.substr(0, end), entry.substr(end + 1)))
      warnings.push_back(std::move(*line));
  }
  std::ranges::sort(warnings);
  return warnings;
}

}  // namespace fleet_sim::start
