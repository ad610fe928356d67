#include "base/json_writer.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "base/plain_text.h"

namespace fleet_sim {
namespace {

// Looks at every byte, whatever it has found: many at once, then.
bool is_plain(std::string_view text) {
  bool is_plain = true;
  for (const char c : text) is_plain &= (c >= ' ') & (c <= '~') & (c != '"') & (c != '\\');
  return is_plain;
}

bool is_control_byte(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

void append_escaped(std::string& out, char c) {
  if (is_control_byte(c)) {
    fmt::format_to(std::back_inserter(out), FMT_COMPILE("\\u{:04x}"), static_cast<unsigned>(c));
    return;
  }
  if (c == '"' || c == '\\') out += '\\';
  out += c;
}

}  // namespace

// Nearly all texts are plain.
void append_json_text(std::string& out, std::string_view text) {
  out += '"';
  if (is_plain(text)) {
    out += text;
  } else if (is_utf8(text)) {
    for (const char c : text) append_escaped(out, c);
  } else {
    for (const char c : repaired_utf8(text)) append_escaped(out, c);
  }
  out += '"';
}

void JsonWriter::value(double number) {
  if (!std::isfinite(number)) return value(std::nullopt);
  if (reals_ == JsonReals::shortest) {
    std::array<char, 32> digits{};  // the longest has 24: -2.2250738585072014e-308
    return put({digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr});
  }
  separate();
  const std::size_t start = out_.size();
  fmt::format_to(std::back_inserter(out_), FMT_COMPILE("{}"), number);
  if (reals_ == JsonReals::with_point && out_.find_first_of(".e", start) == out_.npos) out_ += ".0";
}

}  // namespace fleet_sim
