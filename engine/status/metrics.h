// The metrics in Prometheus' text format: the same numbers as the status, under fleet_sim_ names with their
// units. No series per sensor or shard, so their number depends on nothing but this file. Pure; any thread.
#pragma once

#include <string>

#include "status/status.h"

namespace fleet_sim::status {

inline constexpr const char* metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

std::string metrics_text(const Status& status);

}  // namespace fleet_sim::status
