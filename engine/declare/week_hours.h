// Hours of the week as people write them: "Mon-Sat 06:00-22:00; Sun 08:00-12:00". Days are the first three
// letters of their English names; hours that end before they begin, such as 22:00-06:00, run past midnight.
// Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "types/signal_declaration.h"

namespace fleet_sim::declare {

// What is wrong with the text, or an empty string after assigning the hours, in order, those that touch as
// one.
std::string parse_week_hours(std::string_view text, std::vector<types::Hours>& hours);
std::string week_hours_text(const std::vector<types::Hours>& hours);

// 15:00 as the time since midnight.
std::string parse_time_of_day(std::string_view text, Microseconds& of_day);

}  // namespace fleet_sim::declare
