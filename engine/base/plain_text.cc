#include "base/plain_text.h"

#include <cstdint>

#include "base/text.h"

namespace fleet_sim {
namespace {

constexpr std::size_t longest_quote = 60;

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t bytes = 0;  // 0: not UTF-8
};

// How many bytes the first one announces, by its leading ones; 0 when no character starts with it.
std::size_t announced_bytes(unsigned char first) {
  if (first < 0x80) return 1;
  if (first < 0xC2) return 0;
  if (first < 0xE0) return 2;
  if (first < 0xF0) return 3;
  return first < 0xF5 ? 4 : 0;
}

// Overlong forms, surrogates and values past the last plane are no characters.
bool is_character(std::uint32_t value, std::size_t bytes) {
  if (bytes == 3) return value >= 0x800 && (value < 0xD800 || value > 0xDFFF);
  if (bytes == 4) return value >= 0x10000 && value <= 0x10FFFF;
  return true;
}

CodePoint first_code_point(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t bytes = announced_bytes(first);
  if (bytes == 0 || bytes > text.size()) return {};
  std::uint32_t value = bytes == 1 ? first : first & (0x7Fu >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xC0) != 0x80) return {};
    value = value << 6 | (next & 0x3F);
  }
  return is_character(value, bytes) ? CodePoint{value, bytes} : CodePoint{};
}

bool is_control(std::uint32_t value) {
  return value < 0x20 || (value >= 0x7F && value < 0xA0);
}

}  // namespace

std::optional<TextFlaw> find_text_flaw(std::string_view text, std::string_view allowed) {
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint next = first_code_point(text.substr(at));
    if (next.bytes == 0) return TextFlaw{at, "is not UTF-8", false};
    const bool permitted = next.bytes == 1 && allowed.find(text[at]) != std::string_view::npos;
    if (is_control(next.value) && !permitted) return TextFlaw{at, "contains a control character"};
    at += next.bytes;
  }
  return std::nullopt;
}

std::string printable(std::string_view text, std::size_t most_bytes) {
  std::string_view left = first_bytes(text, most_bytes);
  std::string shown;
  while (!left.empty()) {
    const CodePoint next = first_code_point(left);
    const std::size_t bytes = next.bytes == 0 ? 1 : next.bytes;
    shown += next.bytes == 0 || is_control(next.value) ? "?" : left.substr(0, bytes);
    left.remove_prefix(bytes);
  }
  return shown.append(text.size() <= most_bytes ? "" : "...");
}

bool is_utf8(std::string_view text) {
  unsigned char any = 0;
  for (const char c : text) any |= static_cast<unsigned char>(c);
  if (any < 0x80) return true;
  while (!text.empty()) {
    const std::size_t bytes = first_code_point(text).bytes;
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

std::string repaired_utf8(std::string_view text) {
  std::string repaired;
  while (!text.empty()) {
    const std::size_t bytes = first_code_point(text).bytes;
    repaired += bytes == 0 ? "\uFFFD" : text.substr(0, bytes);
    text.remove_prefix(bytes == 0 ? 1 : bytes);
  }
  return repaired;
}

std::string in_quotes(std::string_view text) {
  return "'" + printable(text, longest_quote) + "'";
}

}  // namespace fleet_sim
