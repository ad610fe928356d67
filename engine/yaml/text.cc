#include "yaml/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/plain_text.h"
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

std::string below(std::string_view path, std::string_view key) {
  constexpr std::size_t longest_plain = 64;
  const bool is_plain = !key.empty() && key.size() <= longest_plain &&
                        std::ranges::all_of(key, [](unsigned char c) { return c == '_' || std::isalnum(c); });
  return fmt::format("{}.{}", path, is_plain ? std::string(key) : in_quotes(key));
}

}  // namespace fleet_sim::yaml
