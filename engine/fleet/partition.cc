#include "fleet/partition.h"

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

#include "base/plain_text.h"
#include "config/fleet_settings.h"

namespace fleet_sim::fleet {
namespace {

struct Found {
  std::string_view variable;
  std::string value;
  std::string index;  // the part of the value that says it; empty when there is none
};

// "3" of "fleet-sim-3"; a name without "-" has no ordinal.
std::string ordinal_of(const std::string& pod_name) {
  const std::size_t dash = pod_name.rfind('-');
  return dash == pod_name.npos ? std::string() : pod_name.substr(dash + 1);
}

std::optional<Found> find_index(const VariableLookup& variable) {
  constexpr const char* job_index = "JOB_COMPLETION_INDEX";
  if (const auto value = variable(job_index)) return Found{job_index, *value, *value};
  for (const char* name : {"POD_NAME", "HOSTNAME"}) {
    if (const auto value = variable(name)) return Found{name, *value, ordinal_of(*value)};
  }
  return std::nullopt;
}

}  // namespace

std::string resolve_partition(config::Partition& partition, const VariableLookup& variable) {
  if (partition.index != 0) return {};
  const std::string asked = config::partition_text(partition);
  const auto found = find_index(variable);
  if (!found) {
    return fmt::format(
        "{} needs an index in JOB_COMPLETION_INDEX, or at the end of POD_NAME or HOSTNAME, but none of them "
        "is set",
        asked);
  }
  const std::string found_text = fmt::format("{} is {}", found->variable, in_quotes(found->value));
  std::uint64_t index = 0;
  if (!config::parse_count(found->index, 0, UINT32_MAX, index).empty()) {
    return fmt::format(
        "{} needs an index of 0 or more in JOB_COMPLETION_INDEX, or a name that ends in one, such as "
        "fleet-sim-0, in POD_NAME or HOSTNAME, but {}",
        asked, found_text);
  }
  if (index >= partition.count) {
    return fmt::format("{} has the indices 0 to {}, but {}", asked, partition.count - 1, found_text);
  }
  partition.index = static_cast<std::uint32_t>(index) + 1;
  return {};
}

}  // namespace fleet_sim::fleet
