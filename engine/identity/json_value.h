// A JSON value as messages speak of it. Messages go to a terminal and quote untrusted files, so what they
// quote is short and without control characters. Pure; any thread; never fails.
#pragma once

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

// An id, a key or another name for a message: printable, cut to 80 bytes.
std::string short_name(std::string_view text);

// For a message: printable, in double quotes, cut to 40 bytes.
std::string in_double_quotes(std::string_view text);

}  // namespace fleet_sim::identity
