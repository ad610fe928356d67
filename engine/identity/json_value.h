// A JSON value as messages speak of it, and texts made fit for a message or for a file. Messages go to a
// terminal and quote untrusted files, so what they quote is short and without control characters. Pure; any
// thread; never fails.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fleet_sim::identity {

// Borrows its text from the parser for the length of one event.
struct JsonValue {
  enum class Kind { null, boolean, number, text, object, array };

  Kind kind = Kind::null;
  std::string_view text;  // of a number, text or boolean, as written
  double number = 0;

  [[nodiscard]] bool is(Kind wanted) const { return kind == wanted; }
};

// "the number 7", "the text "12"", "an object".
std::string described(const JsonValue& value);

// C0 and DEL.
bool is_control(char c);

// The text for a message: control characters become '?', and what is long is cut at a character's end.
std::string printable(std::string_view text, std::size_t longest = 80);

// The same in double quotes, cut to 40 bytes.
std::string in_double_quotes(std::string_view text);

// Appends the text in double quotes and with JSON's escapes. It stays UTF-8 if it was.
void append_json_text(std::string& out, std::string_view text);

}  // namespace fleet_sim::identity
