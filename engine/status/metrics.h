// The metrics in Prometheus' text format, under fleet_sim_ names with their units: what the table of
// figures.h has for them. Pure; any thread.
#pragma once

#include <string>

#include "status/status.h"

namespace fleet_sim::status {

inline constexpr const char* metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

std::string metrics_text(const Status& status);

}  // namespace fleet_sim::status
