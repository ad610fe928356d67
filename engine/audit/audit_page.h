// An audit as a page: what its JSON says, and a picture of where the gaps are. The page needs nothing else;
// its script inserts the texts of the data as text only. Pure; any thread; fails only for lack of memory.
#pragma once

#include <string>
#include <string_view>

#include "audit/verdict.h"

namespace fleet_sim::audit {

// Every such page begins with these bytes, and nothing else does.
inline constexpr std::string_view audit_page_head =
    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
    "<meta name=\"generator\" content=\"fleet-sim audit\">\n";

// Many locations are cut to those that a page has room for.
std::string audit_html(const Verdict& verdict);

// What follows these bytes, with a place for the data; embedded at build time.
extern const std::string_view audit_page;

}  // namespace fleet_sim::audit
