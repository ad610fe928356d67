// The pieces that lines of text are made of: numbers and texts in the notation of each format. All append to
// a text of the caller's. What is not UTF-8 becomes U+FFFD. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/plain_text.h"
#include "base/timestamp.h"

namespace fleet_sim::format {

// A text that is UTF-8: the one given, or its repaired copy.
class CleanText {
 public:
  explicit CleanText(std::string_view text) : text_(text) {
    if (is_utf8(text)) return;
    repaired_ = repaired_utf8(text);
    text_ = repaired_;
  }
  CleanText(const CleanText&) = delete;
  CleanText& operator=(const CleanText&) = delete;

  [[nodiscard]] std::string_view text() const { return text_; }

 private:
  std::string repaired_;
  std::string_view text_;
};

// A real number in the fewest digits that are read back as the same one, without an exponent between 1e-4 and
// 1e16. There is room for `longest_number` characters; returns the end of those written.
inline constexpr std::size_t longest_number = 32;
char* put_number(char* at, double number);
char* put_number(char* at, std::int64_t number);
void append_number(std::string& out, double number);
void append_number(std::string& out, std::int64_t number);

// A field of csv, in quotes where it needs them; an empty text is "".
void append_csv_text(std::string& out, std::string_view text);

// Of line protocol: ",name=value", or nothing for a value that it cannot have.
void append_tag(std::string& out, std::string_view name, std::string_view text);
// A text as the value of a field. Line breaks become spaces.
void append_quoted(std::string& out, std::string_view text);
void append_nanoseconds(std::string& out, Timestamp at);
// A measurement's name.
std::string measurement_text(std::string_view name);

}  // namespace fleet_sim::format
