#include "zones/daylight_rule.h"

#include <algorithm>
#include <charconv>
#include <chrono>

namespace fleet_sim::zones {
namespace {

using std::chrono::seconds;

bool take(std::string_view& text, char expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<unsigned> take_number(std::string_view& text, unsigned least, unsigned most) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < least || number > most) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

std::optional<unsigned> take_number_behind(char before, std::string_view& text, unsigned least,
                                           unsigned most) {
  if (!take(text, before)) return std::nullopt;
  return take_number(text, least, most);
}

// CEST or <+0330>
bool take_name(std::string_view& text) {
  const bool quoted = take(text, '<');
  const auto is_letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
  const auto end = quoted ? std::ranges::find(text, '>') : std::ranges::find_if_not(text, is_letter);
  if (end == text.begin() || (quoted && end == text.end())) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.begin()) + (quoted ? 1 : 0));
  return true;
}

// 2, -1, +3:30, 45:15:00
std::optional<seconds> take_time(std::string_view& text) {
  const bool below_zero = text.starts_with('-');
  if (below_zero || text.starts_with('+')) text.remove_prefix(1);
  seconds time{0};
  for (const seconds unit : {seconds{3'600}, seconds{60}, seconds{1}}) {
    if (unit != seconds{3'600} && !take(text, ':')) break;
    const auto number = take_number(text, 0, 167);
    if (!number) return std::nullopt;
    time += *number * unit;
  }
  return below_zero ? -time : time;
}

}  // namespace

std::optional<DaylightRule::Day> DaylightRule::take_day(std::string_view& text) {
  if (!take(text, ',')) return std::nullopt;
  const auto month = take_number_behind('M', text, 1, 12);
  const auto week = take_number_behind('.', text, 1, 5);
  const auto weekday = take_number_behind('.', text, 0, 6);
  if (!month || !week || !weekday) return std::nullopt;
  Day day;
  day.month = std::chrono::month(*month);
  day.week = *week;
  day.weekday = std::chrono::weekday(*weekday);
  if (take(text, '/')) {
    const auto time = take_time(text);
    if (!time) return std::nullopt;
    day.time = *time;
  }
  return day;
}

// Written as what has to be added to get UTC.
std::optional<DaylightRule> DaylightRule::parse(std::string_view text) {
  DaylightRule rule;
  if (!take_name(text)) return std::nullopt;
  const auto behind = take_time(text);
  if (!behind || !take_name(text)) return std::nullopt;
  rule.standard_ = -*behind;
  rule.daylight_ = rule.standard_ + std::chrono::hours(1);
  if (!text.starts_with(',')) {
    const auto daylight_behind = take_time(text);
    if (!daylight_behind) return std::nullopt;
    rule.daylight_ = -*daylight_behind;
  }
  const auto to_daylight = take_day(text);
  const auto to_standard = to_daylight ? take_day(text) : std::nullopt;
  if (!to_standard || !text.empty()) return std::nullopt;
  rule.to_daylight_ = *to_daylight;
  rule.to_standard_ = *to_standard;
  return rule;
}

Timestamp DaylightRule::moment(const Day& day, std::chrono::year year, seconds offset) {
  const std::chrono::sys_days date =
      day.week == 5 ? std::chrono::sys_days(year / day.month / day.weekday[std::chrono::last])
                    : std::chrono::sys_days(year / day.month / day.weekday[day.week]);
  return std::chrono::sys_time<std::chrono::microseconds>(date + day.time - offset)
      .time_since_epoch()
      .count();
}

std::pair<ZoneChange, ZoneChange> DaylightRule::changes_in(std::chrono::year year) const {
  const auto in_microseconds = [](seconds span) { return span.count() * microseconds_per_second; };
  const ZoneChange to_daylight{moment(to_daylight_, year, standard_), in_microseconds(daylight_)};
  const ZoneChange to_standard{moment(to_standard_, year, daylight_), in_microseconds(standard_)};
  return to_daylight.at < to_standard.at ? std::pair(to_daylight, to_standard)
                                         : std::pair(to_standard, to_daylight);
}

}  // namespace fleet_sim::zones
