// The row of run_info: a name for the run, its seed, and everything somebody needs to make the same data
// again. Drawn once while starting. Main thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "config/config.h"
#include "storage/schema.h"

namespace fleet_sim {

// Without `start`, which is known only when the run begins.
RunInfo describe_run(const Config& config, std::size_t fleet_size);

// The value of a config key as the user would write it.
std::string setting_text(const Config& config, std::string_view key);

}  // namespace fleet_sim
