// A report as one page that needs nothing else: its script draws the plots and tables from the data it
// carries, with dygraphs inside. The data is untrusted: it is carried as JSON without a character that could
// end its element, and the script puts it in as text only. Bounded: lists and names are cut, and say so.
// Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "report/report.h"
#include "report/sensor_series.h"

namespace fleet_sim::report {

// Every such page begins with these bytes, and nothing else does.
inline constexpr std::string_view report_page_head =
    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
    "<meta name=\"generator\" content=\"fleet-sim report\">\n";

std::string report_html(const Report& report, const std::vector<SensorSeries>& series);

// What follows these bytes, with a place for the data; embedded at build time.
extern const std::string_view report_page;

}  // namespace fleet_sim::report
