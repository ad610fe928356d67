// Writes JSON directly, without building a tree: the status page asks every second, and an answer must cost a
// small fleet next to nothing. It appends to a text of the caller's, which outlives it. It adds commas and
// line breaks; the caller makes sure that brackets match and members have keys. Bytes that are not UTF-8 are
// replaced, and numbers that JSON does not know become null. One thread; fails only for lack of memory.
#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace fleet_sim {

// Appends the text in double quotes, with JSON's escapes, and with U+FFFD for each byte that is not UTF-8.
void append_json_text(std::string& out, std::string_view text);

// For programs, for a line that people read, or for a page that people read (two spaces a level).
enum class JsonLayout { compact, spaced, indented };

// The notation of real numbers, each in the fewest digits that are read back as the same number.
enum class JsonReals {
  shortest,    // 60, 1e-04
  plain,       // 60, 0.0001
  with_point,  // 60.0, 0.0001: readers take it for a real number, too
};

class JsonWriter {
 public:
  explicit JsonWriter(std::string& out, JsonLayout layout = JsonLayout::compact,
                      JsonReals reals = JsonReals::shortest)
      : out_(out), layout_(layout), reals_(reals) {}

  void begin(char bracket) {
    separate();
    out_ += bracket;
    ++depth_;
    is_first_ = true;
  }
  void end(char bracket) {
    --depth_;
    if (!is_first_) break_line();
    out_ += bracket;
    is_first_ = false;
  }
  // A name of our own, which needs no escapes.
  void key(std::string_view name) {
    separate();
    out_ += '"';
    out_ += name;
    out_ += layout_ == JsonLayout::compact ? "\":" : "\": ";
    has_key_ = true;
  }
  // A name that may hold anything.
  void any_key(std::string_view name) {
    value(name);
    out_ += layout_ == JsonLayout::compact ? ":" : ": ";
    has_key_ = true;
  }
  // Ends the text's line; what comes next is a document of its own.
  void end_line() {
    out_ += '\n';
    is_first_ = true;
  }

  void value(std::string_view text) {
    separate();
    append_json_text(out_, text);
  }
  void value(const std::string& text) { value(std::string_view(text)); }
  void value(const char* text) { value(std::string_view(text)); }
  void value(bool truth) { put(truth ? "true" : "false"); }
  void value(std::nullopt_t) { put("null"); }
  void value(double number);
  template <std::integral Number>
  void value(Number number) {
    std::array<char, 24> digits{};
    const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), number);
    put({digits.data(), static_cast<std::size_t>(written.ptr - digits.data())});
  }
  template <class Value>
  void value(const std::optional<Value>& perhaps) {
    perhaps ? value(*perhaps) : value(std::nullopt);
  }

  // JSON as it stands.
  void put(std::string_view json) {
    separate();
    out_ += json;
  }

  template <class Value>
  void member(std::string_view name, const Value& its_value) {
    key(name);
    value(its_value);
  }

  // An object whose members the function writes.
  template <class Members>
  void object(const Members& members) {
    begin('{');
    members();
    end('}');
  }
  template <class Members>
  void object(std::string_view name, const Members& members) {
    key(name);
    object(members);
  }

  // An array of what the function writes for each of the values.
  template <class Values, class Write>
  void array(std::string_view name, const Values& values, const Write& write) {
    key(name);
    begin('[');
    for (const auto& one : values) write(one);
    end(']');
  }
  template <class Values>
  void array(std::string_view name, const Values& values) {
    array(name, values, [this](const auto& one) { value(one); });
  }

 private:
  void separate() {
    if (has_key_) {
      has_key_ = false;
      return;
    }
    if (!is_first_) out_ += layout_ == JsonLayout::spaced ? ", " : ",";
    if (depth_ > 0) break_line();
    is_first_ = false;
  }

  void break_line() {
    if (layout_ != JsonLayout::indented) return;
    out_ += '\n';
    out_.append(2 * depth_, ' ');
  }

  std::string& out_;
  const JsonLayout layout_;
  const JsonReals reals_;
  std::size_t depth_ = 0;
  bool is_first_ = true;  // of its object, array or line
  bool has_key_ = false;  // the value to come is that of a key
};

}  // namespace fleet_sim
