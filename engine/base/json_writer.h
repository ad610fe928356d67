// Writes JSON text as it goes, without a tree in between: the status page asks each second, and an answer
// must cost a small fleet next to nothing. Commas come by themselves; that brackets match and members have
// keys is the caller's business. Bytes that are no UTF-8 are replaced, numbers that JSON does not know become
// null. A value; one thread.
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace fleet_sim {

class JsonWriter {
 public:
  void begin(char bracket) {
    separate();
    text_ += bracket;
  }
  void end(char bracket) { text_ += bracket; }
  // A name of our own, which needs no escapes.
  void key(std::string_view name) {
    separate();
    text_ += '"';
    text_ += name;
    text_ += "\":";
  }

  void value(std::string_view text);
  void value(const std::string& text) { value(std::string_view(text)); }
  void value(const char* text) { value(std::string_view(text)); }
  void value(bool truth) { put(truth ? "true" : "false"); }
  void value(std::nullopt_t) { put("null"); }
  void value(double number) { std::isfinite(number) ? put_number(number) : value(std::nullopt); }
  template <std::integral Number>
  void value(Number number) {
    put_number(number);
  }
  template <class Value>
  void value(const std::optional<Value>& perhaps) {
    perhaps ? value(*perhaps) : value(std::nullopt);
  }

  // JSON as it stands.
  void put(std::string_view json) {
    separate();
    text_ += json;
  }

  template <class Value>
  void member(std::string_view name, const Value& its_value) {
    key(name);
    value(its_value);
  }

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void separate() {
    if (!text_.empty() && std::string_view("{[:").find(text_.back()) == std::string_view::npos) text_ += ',';
  }

  // The fewest digits that are read back as the same number.
  template <class Number>
  void put_number(Number number) {
    std::array<char, 32> digits{};  // the longest has 24: -2.2250738585072014e-308
    const auto written = std::to_chars(digits.begin(), digits.end(), number);
    put({digits.data(), written.ptr});
  }

  std::string text_;
};

}  // namespace fleet_sim
