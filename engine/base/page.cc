#include "base/page.h"

#include <algorithm>
#include <cassert>

namespace fleet_sim {
namespace {

constexpr std::string_view page_policy =
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; img-src data:\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<link rel=\"icon\" href=\"data:,\">\n";

std::string_view html_escape(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return {};
  }
}

// Outside of its texts, JSON has none of these.
std::string_view script_escape(char c) {
  switch (c) {
    case '&':
      return "\\u0026";
    case '<':
      return "\\u003c";
    case '>':
      return "\\u003e";
    default:
      return {};
  }
}

std::string escaped(std::string_view text, std::string_view (*escape)(char)) {
  std::string safe;
  safe.reserve(text.size());
  for (const char c : text) {
    const std::string_view instead = escape(c);
    instead.empty() ? safe.push_back(c) : static_cast<void>(safe.append(instead));
  }
  return safe;
}

}  // namespace

std::string filled_page(std::string_view page, std::vector<PagePart> parts) {
  if (page.find("%DYGRAPHS_SCRIPT%") != page.npos) {
    parts.emplace_back("%DYGRAPHS_STYLE%", dygraphs_style);
    parts.emplace_back("%DYGRAPHS_SCRIPT%", dygraphs_script);
  }
  std::ranges::sort(parts, {}, [page](const PagePart& part) { return page.find(part.first); });
  std::string filled;
  for (const auto& [place, text] : parts) {
    const std::size_t at = page.find(place);
    assert(at != page.npos);
    filled.append(page.substr(0, at)).append(text);
    page.remove_prefix(at + place.size());
  }
  return filled.append(page);
}

std::string page_of_figures(std::string_view head, std::string_view title, std::string_view page,
                            std::string_view json) {
  return std::string(head)
      .append(page_policy)
      .append("<title>" + html_escaped(title) + "</title>\n")
      .append(filled_page(
          page,
          {{"%PAGE_STYLE%", page_style}, {"%PAGE_SCRIPT%", page_script}, {"%DATA%", script_escaped(json)}}));
}

std::string html_escaped(std::string_view text) {
  return escaped(text, html_escape);
}

std::string script_escaped(std::string_view json) {
  return escaped(json, script_escape);
}

}  // namespace fleet_sim
