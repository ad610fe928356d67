// The log: lines about changes of state, to the console and to a rotating file, by the config's logging keys.
// Any thread. A log file that cannot be opened is a warning, never the end of a run.
#pragma once

#include <spdlog/logger.h>

#include <memory>
#include <string>

#include "app/console.h"
#include "config/config.h"

namespace fleet_sim {

// `file` may be empty: no file.
std::shared_ptr<spdlog::logger> make_log(const LoggingSettings& settings, const std::string& file,
                                         Console& console);

}  // namespace fleet_sim
