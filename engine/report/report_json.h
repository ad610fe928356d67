// A report as JSON, with every shard. Names are those of the text's columns and of the tables; shares are
// from 0 to 1, times UTC text, spans seconds; null stands for what does not exist. Text from the files that
// is not UTF-8 is mended. Pure; any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "report/report.h"

namespace fleet_sim::report {

nlohmann::ordered_json json_of(const Report& report);

// As text, `indent` -1 on a single line.
std::string json_text(const nlohmann::ordered_json& json, int indent);

}  // namespace fleet_sim::report
