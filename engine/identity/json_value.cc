#include "identity/json_value.h"

#include <algorithm>

namespace fleet_sim::identity {
namespace {

constexpr std::size_t longest_quote = 40;

void append_escaped(std::string& out, char c) {
  constexpr std::string_view digits = "0123456789abcdef";
  if (c == '"' || c == '\\') {
    out += '\\';
    out += c;
  } else if (is_control(c)) {
    out += "\\u00";
    out += digits[static_cast<unsigned char>(c) >> 4];
    out += digits[static_cast<unsigned char>(c) & 15];
  } else {
    out += c;
  }
}

}  // namespace

std::string described(const JsonValue& value) {
  switch (value.kind) {
    case JsonValue::Kind::null:
      return "null";
    case JsonValue::Kind::boolean:
      return std::string(value.text);
    case JsonValue::Kind::number:
      return "the number " + printable(value.text, longest_quote);
    case JsonValue::Kind::text:
      return "the text " + in_double_quotes(value.text);
    case JsonValue::Kind::object:
      return "an object";
    case JsonValue::Kind::array:
      return "an array";
  }
  return {};
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

std::string printable(std::string_view text, std::size_t longest) {
  const bool cut = text.size() > longest;
  if (cut) {
    const auto inside_character = [&] { return (static_cast<unsigned char>(text[longest]) & 0xC0) == 0x80; };
    while (longest > 0 && inside_character()) --longest;
  }
  std::string out(text.substr(0, longest));
  std::replace_if(out.begin(), out.end(), is_control, '?');
  return cut ? out + "..." : out;
}

std::string in_double_quotes(std::string_view text) {
  std::string out;
  append_json_text(out, printable(text, longest_quote));
  return out;
}

void append_json_text(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) append_escaped(out, c);
  out += '"';
}

}  // namespace fleet_sim::identity
