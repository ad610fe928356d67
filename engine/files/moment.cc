#include "files/moment.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <system_error>

namespace fleet_sim::files {
namespace {

constexpr std::size_t most_fraction_digits = 6;

template <class Number>
std::optional<Number> whole_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// Units in which a number of this size counts, in microseconds: 0.001 for nanoseconds.
double unit_of(double size) {
  if (size < 1e11) return 1e6;
  if (size < 1e14) return 1e3;
  return size < 1e17 ? 1 : 1e-3;
}

// What the last decimal of a number in this unit counts: 1000 of 1767268800.072, in seconds.
Microseconds unit_of_last_digit(std::string_view text, double unit) {
  const std::size_t point = text.find('.');
  if (point == text.npos || text.find_first_of("eE") != text.npos) return 1;
  for (std::size_t i = point + 1; i < text.size() && unit > 1; ++i) unit /= 10;
  return std::max<Microseconds>(1, std::llround(unit));
}

bool is_moment(double microseconds) {
  return microseconds >= static_cast<double>(earliest_timestamp) &&
         microseconds <= static_cast<double>(latest_timestamp);
}

std::optional<Moment> moment_of_number(std::string_view text) {
  if (const auto count = whole_number<std::int64_t>(text)) {
    const double unit = unit_of(std::fabs(static_cast<double>(*count)));
    if (unit < 1) return Moment{*count / 1000, 1};
    const auto microseconds = static_cast<Microseconds>(unit);
    if (!is_moment(static_cast<double>(*count) * unit)) return std::nullopt;
    return Moment{*count * microseconds, microseconds};
  }
  const auto number = whole_number<double>(text);  // seconds with decimals, or 1.7672256e+15
  constexpr double too_large = 1e19;               // for nanoseconds in 64 bits
  if (!number || !(std::fabs(*number) < too_large)) return std::nullopt;
  const double unit = unit_of(std::fabs(*number));
  const double microseconds = *number * unit;
  if (!is_moment(microseconds)) return std::nullopt;
  return Moment{std::llround(microseconds), unit_of_last_digit(text, unit)};
}

// Takes the digits of a fraction out of a text, to be followed by the zone. The unit of the last digit.
Microseconds take_fraction(std::string_view& rest, std::string& into) {
  if (rest.empty() || rest.front() != '.') return microseconds_per_second;
  const std::size_t end = std::min(rest.find_first_not_of("0123456789", 1), rest.size());
  if (end == 1) return microseconds_per_second;  // and the text is refused for its dot
  const std::size_t digits = std::min(end - 1, most_fraction_digits);
  into += rest.substr(0, digits + 1);
  rest.remove_prefix(end);
  Microseconds unit = microseconds_per_second;
  for (std::size_t i = 0; i < digits; ++i) unit /= 10;
  return unit;
}

// The zone in the one form that parse_timestamp takes.
std::string zone_text(std::string_view zone) {
  if (zone == " UTC" || zone == "UTC") return "Z";
  const bool is_offset = !zone.empty() && (zone.front() == '+' || zone.front() == '-');
  if (is_offset && zone.size() == 3) return std::string(zone) + ":00";
  if (is_offset && zone.size() == 5)
    return std::string(zone.substr(0, 3)) + ":" + std::string(zone.substr(3));
  return std::string(zone);
}

}  // namespace

std::optional<Moment> parse_moment(std::string_view text) {
  constexpr std::size_t minute_width = 16;  // 2026-11-23T11:42
  constexpr std::size_t second_width = 19;
  if (text.size() < 10 || text[4] != '-' || text[0] == '-') return moment_of_number(text);
  if (text.size() < minute_width) {
    const auto day = parse_timestamp(text);
    return day ? std::optional(Moment{*day, 1}) : std::nullopt;
  }
  const bool has_seconds = text.size() >= second_width && text[minute_width] == ':';
  const std::size_t width = has_seconds ? second_width : minute_width;
  std::string known(text.substr(0, width));
  std::string_view rest = text.substr(width);
  Microseconds unit = 60 * microseconds_per_second;
  if (has_seconds) unit = take_fraction(rest, known);
  const auto at = parse_timestamp(known + zone_text(rest));
  if (!at) return std::nullopt;
  return Moment{*at, unit};
}

}  // namespace fleet_sim::files
