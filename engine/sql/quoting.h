// Names and texts as SQL writes them. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace fleet_sim::sql {

inline std::string between(char quote, std::string_view text) {
  std::string out(1, quote);
  for (const char c : text) out.append(c == quote ? 2 : 1, c);
  return out + quote;
}

inline std::string sql_name(std::string_view name) {
  return between('"', name);
}

inline std::string sql_text(std::string_view text) {
  return between('\'', text);
}

}  // namespace fleet_sim::sql
