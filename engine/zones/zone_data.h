// Zones by their names in the system's time zone data: those of IANA, such as Europe/Berlin. Reads the data
// once a zone is named, and each zone's once; used while config and identities are read, never by the tick.
// What the process's environment says of its own zone counts for nothing. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "zones/zone.h"

namespace fleet_sim::zones {

// Nothing for a name that the data does not have.
std::optional<Zone> find_zone(std::string_view name);

// " (did you mean 'Europe/Berlin'?)", or why no name is known; empty when none is near.
std::string zone_hint(std::string_view name);

// Of the data: "2025b". Empty if the data does not say, or is not installed.
std::string zone_data_version();

}  // namespace fleet_sim::zones
