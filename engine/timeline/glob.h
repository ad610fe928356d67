// Whether a text matches a pattern in which * stands for any characters, none included, and ? for one. Texts
// are UTF-8; upper and lower case differ. Pure; any thread.
#pragma once

#include <string_view>

namespace fleet_sim::timeline {

// Takes time in proportion to both lengths multiplied, at most.
bool matches(std::string_view glob, std::string_view text);

// Whether it matches but one text.
inline bool is_plain(std::string_view glob) {
  return glob.find_first_of("*?") == glob.npos;
}

}  // namespace fleet_sim::timeline
