// Pages of HTML that need nothing else: templates that the build embeds, with places such as %DATA% for what
// is known later. What fills a place is escaped by the caller. Pure; any thread; fails only for lack of
// memory.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fleet_sim {

using PagePart = std::pair<std::string_view, std::string_view>;  // a place, "%DATA%", and its text

// The page with each part in its place, and dygraphs in %DYGRAPHS_STYLE% and %DYGRAPHS_SCRIPT%. The page has
// every place once.
std::string filled_page(std::string_view page, std::vector<PagePart> parts);

// As text of a page, and of an attribute in quotes.
std::string html_escaped(std::string_view text);

// JSON that stays inside its script element whatever its texts hold.
std::string script_escaped(std::string_view json);

// The library that draws the plots, as the system has it; embedded at build time.
extern const std::string_view dygraphs_style;
extern const std::string_view dygraphs_script;

}  // namespace fleet_sim
