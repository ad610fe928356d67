#include "base/json_writer.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace fleet_sim {
namespace {

bool is_plain(char c) {
  return c >= ' ' && c <= '~' && c != '"' && c != '\\';
}

}  // namespace

// Nearly all texts are plain; the others are left to who knows UTF-8.
void JsonWriter::value(std::string_view text) {
  separate();
  if (std::ranges::all_of(text, is_plain)) {
    text_ += '"';
    text_ += text;
    text_ += '"';
  } else {
    text_ += nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
}

}  // namespace fleet_sim
