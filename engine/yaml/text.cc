#include "yaml/text.h"

#include <fmt/format.h>

#include <algorithm>

#include "yaml/values.h"

namespace fleet_sim::yaml {
namespace {

bool is_bare(char c) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return letter || (c >= '0' && c <= '9') || std::string_view("_./+-").find(c) != std::string_view::npos;
}

}  // namespace

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\x{:02x}", byte);
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string scalar(std::string_view text) {
  // Bare, the word null would be YAML's null, and a lone dash the start of a list.
  const bool bare =
      !text.empty() && text != "-" && !equal_words(text, "null") && std::ranges::all_of(text, is_bare);
  return bare ? std::string(text) : quoted(text);
}

}  // namespace fleet_sim::yaml
