#include "base/timestamp.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <chrono>
#include <cstring>

namespace fleet_sim {
namespace {

void put_digits(char* out, unsigned value, int width) {
  for (int i = width - 1; i >= 0; --i, value /= 10) out[i] = static_cast<char>('0' + value % 10);
}

std::int64_t floor_divide(std::int64_t value, std::int64_t divisor) {
  return value / divisor - (value % divisor < 0 ? 1 : 0);
}

// Reads exactly `width` digits and moves past them.
std::optional<int> take_digits(std::string_view& text, std::size_t width) {
  if (text.size() < width) return std::nullopt;
  int value = 0;
  for (char c : text.substr(0, width)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(width);
  return value;
}

// The number that eight digits spell, the first in the lowest byte; nothing if one is no digit. Pairs of
// digits, then of pairs, then of fours are put together at once.
std::optional<std::uint32_t> eight_digits(std::uint64_t characters) {
  static_assert(std::endian::native == std::endian::little);
  constexpr std::uint64_t high_halves = 0xF0F0F0F0F0F0F0F0;
  constexpr std::uint64_t sixes = 0x0606060606060606;
  constexpr std::uint64_t zeros = 0x3030303030303030;  // ASCII
  if ((characters & high_halves) != zeros || ((characters + sixes) & high_halves) != zeros)
    return std::nullopt;
  constexpr std::uint64_t every_second_pair = 0x000000FF000000FF;
  const std::uint64_t digits = characters - zeros;
  const std::uint64_t pairs = digits * 10 + (digits >> 8);
  const std::uint64_t first = (pairs & every_second_pair) * (100 + (std::uint64_t{1'000'000} << 32));
  const std::uint64_t second = (pairs >> 16 & every_second_pair) * (1 + (std::uint64_t{10'000} << 32));
  return static_cast<std::uint32_t>((first + second) >> 32);
}

// Eight characters, the first in the lowest byte.
std::uint64_t word_at(std::string_view text, std::size_t place) {
  std::uint64_t word;
  std::memcpy(&word, text.data() + place, sizeof(word));
  return word;
}

bool take(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<Microseconds> take_fraction(std::string_view& text) {
  if (!take(text, '.')) return 0;
  Microseconds fraction = 0;
  Microseconds unit = microseconds_per_second;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    if (unit == 1) return std::nullopt;
    unit /= 10;
    fraction += (text.front() - '0') * unit;
    text.remove_prefix(1);
  }
  return unit == microseconds_per_second ? std::nullopt : std::optional(fraction);
}

std::optional<Microseconds> take_time_of_day(std::string_view& text) {
  const auto hour = take_digits(text, 2);
  if (!hour || *hour > 23 || !take(text, ':')) return std::nullopt;
  const auto minute = take_digits(text, 2);
  if (!minute || *minute > 59) return std::nullopt;
  Microseconds time = (*hour * 3600 + *minute * 60) * microseconds_per_second;
  if (take(text, ':')) {
    const auto second = take_digits(text, 2);
    if (!second || *second > 59) return std::nullopt;
    const auto fraction = take_fraction(text);
    if (!fraction) return std::nullopt;
    time += *second * microseconds_per_second + *fraction;
  }
  return time;
}

std::optional<Microseconds> take_zone(std::string_view& text) {
  if (text.empty() || take(text, 'Z')) return 0;
  const int sign = text.front() == '-' ? -1 : 1;
  if (!take(text, '+') && !take(text, '-')) return std::nullopt;
  const auto hour = take_digits(text, 2);
  if (!hour || *hour > 14 || !take(text, ':')) return std::nullopt;
  const auto minute = take_digits(text, 2);
  if (!minute || *minute > 59) return std::nullopt;
  return Microseconds{sign} * (*hour * 3600 + *minute * 60) * microseconds_per_second;
}

}  // namespace

std::string_view TimestampWriter::write(Timestamp at) {
  const std::int64_t second = floor_divide(at, microseconds_per_second);
  if (second != second_) {
    second_ = second;
    const std::int64_t day = floor_divide(second, seconds_per_day);
    const auto of_day = static_cast<unsigned>(second - day * seconds_per_day);
    const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day}}};
    char* out = text_.data();
    put_digits(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
    out[4] = '-';
    put_digits(out + 5, static_cast<unsigned>(date.month()), 2);
    out[7] = '-';
    put_digits(out + 8, static_cast<unsigned>(date.day()), 2);
    out[10] = 'T';
    put_digits(out + 11, of_day / 3600, 2);
    out[13] = ':';
    put_digits(out + 14, of_day / 60 % 60, 2);
    out[16] = ':';
    put_digits(out + 17, of_day % 60, 2);
    out[19] = '.';
    out[26] = 'Z';
  }
  put_digits(text_.data() + 20, static_cast<unsigned>(at - second * microseconds_per_second), 6);
  return {text_.data(), text_.size()};
}

std::string timestamp_text(Timestamp at) {
  return std::string(TimestampWriter{}.write(at));
}

std::string brief_timestamp_text(Timestamp at) {
  constexpr std::size_t whole_seconds = 19;
  const std::string text = timestamp_text(at);
  return at % microseconds_per_second == 0 ? text.substr(0, whole_seconds) + "Z" : text;
}

std::optional<Timestamp> parse_timestamp(std::string_view text) {
  const auto year = take_digits(text, 4);
  if (!year || *year == 0 || !take(text, '-')) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;

  Microseconds time = 0;
  if (take(text, 'T') || take(text, ' ')) {
    const auto of_day = take_time_of_day(text);
    if (!of_day) return std::nullopt;
    time = *of_day;
  }
  const auto zone = take_zone(text);
  if (!zone || !text.empty()) return std::nullopt;
  return std::chrono::sys_days{date}.time_since_epoch().count() * microseconds_per_day + time - *zone;
}

std::optional<Timestamp> TimestampReader::read(std::string_view text) {
  const bool full_width =
      text.size() == timestamp_width && text[16] == ':' && text[19] == '.' && text[26] == 'Z';
  if (full_width && word_at(text, 0) == minute_[0] && word_at(text, 8) == minute_[1]) {
    const std::uint64_t fraction = word_at(text, 19) >> 8;  // without the point
    const auto microseconds = eight_digits(fraction << 16 | word_at(text, 11) >> 48);
    if (microseconds && *microseconds < 60 * microseconds_per_second) return minute_begins_ + *microseconds;
  }
  const auto moment = parse_timestamp(text);
  if (moment && full_width) {
    minute_ = {word_at(text, 0), word_at(text, 8)};
    minute_begins_ = *moment - *moment % (60 * microseconds_per_second);
    if (minute_begins_ > *moment) minute_begins_ -= 60 * microseconds_per_second;
  }
  return moment;
}

}  // namespace fleet_sim
