// A report as the text that a person reads in a terminal: aligned tables, the same figures as the JSON. Names
// from the files are untrusted and shown without control characters. Pure; any thread.
#pragma once

#include <string>

#include "report/report.h"

namespace fleet_sim::report {

std::string report_text(const Report& report);

}  // namespace fleet_sim::report
