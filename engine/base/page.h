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

// The page with each part in its place, and dygraphs in %DYGRAPHS_STYLE% and %DYGRAPHS_SCRIPT%, if it has
// these. The page has every other place once.
std::string filled_page(std::string_view page, std::vector<PagePart> parts);

// A page that draws its figures from data in JSON, whose texts may be anything: the head, which tells pages
// of one kind from other files, then the template with the data, and with page.css and page.js in
// %PAGE_STYLE% and %PAGE_SCRIPT%. The browser sees to it that it asks for nothing from outside.
std::string page_of_figures(std::string_view head, std::string_view title, std::string_view page,
                            std::string_view json);

// As text of a page, and of an attribute in quotes.
std::string html_escaped(std::string_view text);

// JSON that stays inside its script element whatever its texts hold.
std::string script_escaped(std::string_view json);

// What pages of figures share.
extern const std::string_view page_style;
extern const std::string_view page_script;

// The library that draws the plots, as the system has it; embedded at build time.
extern const std::string_view dygraphs_style;
extern const std::string_view dygraphs_script;

}  // namespace fleet_sim
