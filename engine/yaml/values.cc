#include "yaml/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/plain_text.h"
#include "base/text.h"

namespace fleet_sim::yaml {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

template <class T>
std::optional<T> whole_text_as(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> finite_number(std::string_view text) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  const auto value = whole_text_as<double>(text);
  // Adding zero turns -0 into 0, which is what the user meant and what compares and prints like it.
  return value && std::isfinite(*value) ? std::optional(*value + 0.0) : std::nullopt;
}

std::string out_of_bounds(double value, const Bounds& bounds, std::string_view text) {
  if (bounds.positive && value <= 0) return must_be("greater than 0", text);
  if (value < bounds.min) return must_be(fmt::format("at least {}", number_text(bounds.min)), text);
  if (value > bounds.max) return must_be(fmt::format("at most {}", number_text(bounds.max)), text);
  return {};
}

std::string assign_within(double parsed, const Bounds& bounds, std::string_view text, double& value) {
  std::string wrong = out_of_bounds(parsed, bounds, text);
  if (wrong.empty()) value = parsed;
  return wrong;
}

// Digits without an exponent.
std::string plain_text_of(double value) {
  std::array<char, 64> digits{};
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::fixed).ptr;
  return {digits.data(), end};
}

constexpr double least_useful = 1e-6;

constexpr std::string_view durations =
    "a duration such as 90, 500ms, 10m, 1h30m or 30d (units: ms, s, m, h, d, w)";

// From there on 100 years fit before timestamps lose their width.
constexpr Timestamp latest_start =
    latest_timestamp - static_cast<Timestamp>(longest_duration_seconds) * microseconds_per_second;

}  // namespace

std::string must_be(std::string_view what, std::string_view text) {
  return fmt::format("must be {}, not {}", what, in_quotes(text));
}

bool equal_words(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::string must_be_a_time(std::string_view text) {
  constexpr std::string_view date = "dddd-dd-dd";
  const auto fits = [](char wanted, char c) { return wanted == 'd' ? c >= '0' && c <= '9' : c == wanted; };
  const std::string_view day = text.substr(0, date.size());
  if (std::ranges::equal(date, day, fits) && !parse_timestamp(day)) return must_be("a calendar date", day);
  return must_be("a time such as 2026-01-31 or 2026-01-31T12:30:05Z", text);
}

std::string parse_number(std::string_view text, const Bounds& bounds, double& value) {
  const auto parsed = finite_number(text);
  return parsed ? assign_within(*parsed, bounds, text, value) : must_be("a number", text);
}

std::string parse_duration(std::string_view text, const Bounds& bounds, double& seconds) {
  const auto read = read_duration(text);
  return read ? assign_within(*read, bounds, text, seconds) : must_be(durations, text);
}

std::string parse_count(std::string_view text, std::uint64_t min, std::uint64_t max, std::uint64_t& value) {
  const auto parsed = whole_text_as<std::uint64_t>(text);
  if (!parsed || *parsed < min || *parsed > max) {
    return must_be(fmt::format("a whole number from {}", count_range_text(min, max)), text);
  }
  value = *parsed;
  return {};
}

std::string parse_boolean(std::string_view text, bool& value) {
  const auto is_text = [text](std::string_view word) { return equal_words(text, word); };
  constexpr std::array<std::string_view, 3> yes{"true", "yes", "on"};
  constexpr std::array<std::string_view, 3> no{"false", "no", "off"};
  const bool means_yes = std::ranges::any_of(yes, is_text);
  if (!means_yes && std::ranges::none_of(no, is_text)) return must_be("true or false", text);
  value = means_yes;
  return {};
}

std::string parse_start(std::string_view text, Timestamp& start) {
  const auto parsed = parse_timestamp(text);
  if (!parsed) return must_be_a_time(text);
  if (*parsed < 0 || *parsed > latest_start) {
    return must_be(start_range_text(), text);
  }
  start = *parsed;
  return {};
}

std::string number_text(double value) {
  // Exponents only where digits would need counting: 1000000, but 1e-08.
  const bool readable = value == 0 || (std::abs(value) >= 1e-5 && std::abs(value) < 1e16);
  const auto format = readable ? std::chars_format::fixed : std::chars_format::general;
  std::array<char, 64> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, format).ptr;
  return {digits.data(), end};
}

std::string count_text(std::uint64_t value) {
  return fmt::format("{}", value);
}

std::string range_text(const Bounds& bounds) {
  const bool from_nothing = bounds.positive && bounds.min < least_useful;
  return fmt::format("{} to {}", from_nothing ? "above 0" : plain_text_of(bounds.min),
                     plain_text_of(bounds.max));
}

std::string duration_range_text(const Bounds& bounds) {
  const double days = bounds.max / seconds_per_day;
  const bool in_days = days > 1 && days == std::floor(days);
  return fmt::format("{} to {}", plain_text_of(bounds.min),
                     in_days ? fmt::format("{}d", plain_text_of(days)) : plain_text_of(bounds.max));
}

std::string count_range_text(std::uint64_t min, std::uint64_t max) {
  return fmt::format("{} to {}", min, max);
}

std::string start_range_text() {
  return fmt::format("from {} to {}", timestamp_text(0).substr(0, 10),
                     timestamp_text(latest_start).substr(0, 10));
}

}  // namespace fleet_sim::yaml
