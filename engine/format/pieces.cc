#include "format/pieces.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstring>

namespace fleet_sim::format {
namespace {

constexpr double plain_below = 1e15;     // where all digits of a whole number count
constexpr double shortest_from = 0.001;  // as short as 1e-03, and 0.0001 is longer than 1e-04
constexpr double shortest_below = 1e5;   // 10000 is as short as 1e+04, and 100000 is longer than 1e+05

template <class Number>
void append_any_number(std::string& out, Number number) {
  std::array<char, longest_number> digits;
  const char* end = put_number(digits.data(), number);
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

bool needs_quotes(char c) {
  return c == ',' || c == '"' || c == '\r' || c == '\n';
}

// Whether a field of csv is the text as it is: printable ASCII without anything that needs quotes. Looks at
// every character, which compilers do many at a time.
bool is_plain_field(std::string_view text) {
  bool is_plain = !text.empty();
  for (const char c : text) is_plain &= c >= ' ' && c <= '~' && c != ',' && c != '"';
  return is_plain;
}

bool is_line_break(char c) {
  return c == '\n' || c == '\r';
}

// Nothing is left of a text of backslashes alone.
std::string_view tag_value(std::string_view text) {
  return text.substr(0, text.find_last_not_of('\\') + 1);
}

}  // namespace

// The standard's way is the faster one, but has an exponent wherever that is shorter, as in 1e+05. Between
// these bounds it never is.
char* put_number(char* at, double number) {
  const double size = std::abs(number);
  if (size < plain_below) {
    char* const end = std::to_chars(at, at + longest_number, number).ptr;
    if (size >= shortest_from && size < shortest_below) return end;
    if (std::memchr(at, 'e', static_cast<std::size_t>(end - at)) == nullptr) return end;
  }
  return fmt::format_to(at, FMT_COMPILE("{}"), number);
}

char* put_number(char* at, std::int64_t number) {
  return std::to_chars(at, at + longest_number, number).ptr;
}

void append_number(std::string& out, std::int64_t number) {
  append_any_number(out, number);
}

void append_number(std::string& out, double number) {
  append_any_number(out, number);
}

void append_csv_text(std::string& out, std::string_view text) {
  if (is_plain_field(text)) {
    out += text;
    return;
  }
  const CleanText clean(text);
  text = clean.text();
  if (!text.empty() && std::ranges::none_of(text, needs_quotes)) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

void append_tag(std::string& out, std::string_view name, std::string_view text) {
  const CleanText clean(text);
  const std::string_view value = tag_value(clean.text());
  if (value.empty()) return;
  out += ',';
  out += name;
  out += '=';
  for (const char c : value) {
    if (c == ',' || c == '=' || c == ' ' || is_line_break(c)) out += '\\';
    out += is_line_break(c) ? ' ' : c;
  }
}

// A file may call its type what it likes.
std::string measurement_text(std::string_view name) {
  std::string text;
  const CleanText clean(tag_value(name));
  for (const char c : clean.text()) {
    if (c == ',' || c == ' ' || is_line_break(c)) text += '\\';
    text += is_line_break(c) ? ' ' : c;
  }
  return text;
}

void append_quoted(std::string& out, std::string_view text) {
  const CleanText clean(text);
  out += '"';
  for (const char c : clean.text()) {
    if (c == '"' || c == '\\') out += '\\';
    out += is_line_break(c) ? ' ' : c;
  }
  out += '"';
}

// Thousandths of a 64-bit count of microseconds may not fit: the digits are put down one after the other.
void append_nanoseconds(std::string& out, Timestamp at) {
  append_number(out, at);
  if (at != 0) out += "000";
}

}  // namespace fleet_sim::format
