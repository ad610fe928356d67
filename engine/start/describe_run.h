// The row of run_info: a name for the run, its seed, and everything needed to make the same data again. Drawn
// once while starting. Main thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "config/config.h"
#include "fleet/profile_table.h"
#include "identity/identity.h"
#include "log/log_settings.h"
#include "tables/schema.h"

namespace fleet_sim::start {

// Without `start`, which is known only when the run begins.
tables::RunInfo describe_run(const config::Config& config, const identity::Roster& roster,
                             std::span<const std::uint32_t> members);

// What the severities of graded anomalies count in, for each type of sensor that draws any: JSON with mean,
// deviation and sigma of its gauges (model/spread.h), the last one number for each duration of the sample.
// Empty when no type does.
std::string spread_text(fleet::ProfileTable& profiles, std::span<const std::uint32_t> members);

// A hash of the identities of a fleet, whatever their order.
std::string fleet_hash(const identity::Roster& roster, std::span<const std::uint32_t> members);

// A hash of what in the config decides readings.
std::string readings_config_hash(const config::Config& config);

// The value of a config key as the user would write it.
std::string setting_text(const config::Config& config, std::string_view key);

// How the log of a run with these settings is written.
log::LogSettings log_settings(const config::LoggingSettings& logging);

}  // namespace fleet_sim::start
