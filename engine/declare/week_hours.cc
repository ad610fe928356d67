#include "declare/week_hours.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "yaml/values.h"

namespace fleet_sim::declare {
namespace {

constexpr std::array<std::string_view, 7> days{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
constexpr Microseconds minute = 60 * microseconds_per_second;
constexpr std::size_t most_openings = 100;  // of a week
constexpr Microseconds week = 7 * microseconds_per_day;

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

std::optional<std::size_t> day_of(std::string_view text) {
  const auto day = std::ranges::find_if(days, [text](auto name) { return yaml::equal_words(name, text); });
  if (day == days.end()) return std::nullopt;
  return static_cast<std::size_t>(day - days.begin());
}

std::optional<int> two_digits(std::string_view text, int most) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.size() != 2 || error != std::errc{} || end != text.data() + 2 || value > most || value < 0)
    return std::nullopt;
  return value;
}

// 00:00 to 24:00.
std::optional<Microseconds> time_of_day(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const auto hours = two_digits(text.substr(0, 2), 24);
  const auto minutes = two_digits(text.substr(3), 59);
  if (!hours || !minutes || (*hours == 24 && *minutes != 0)) return std::nullopt;
  return (*hours * 60 + *minutes) * minute;
}

struct Pair {
  std::string_view first;
  std::string_view second;  // the first where there is no dash
};

Pair around_dash(std::string_view text) {
  const auto dash = text.find('-');
  if (dash == text.npos) return {text, text};
  return {trimmed(text.substr(0, dash)), trimmed(text.substr(dash + 1))};
}

void add(Microseconds from, Microseconds until, std::vector<types::Hours>& hours) {
  if (until <= week) return hours.push_back({from, until});
  hours.push_back({from, week});
  hours.push_back({0, until - week});
}

// One part between semicolons. False when it is none.
bool add_part(std::string_view part, std::vector<types::Hours>& hours) {
  const auto space = part.find(' ');
  if (space == part.npos) return false;
  const Pair of_days = around_dash(part.substr(0, space));
  const Pair of_hours = around_dash(trimmed(part.substr(space)));
  const auto first = day_of(of_days.first);
  const auto last = day_of(of_days.second);
  const auto from = time_of_day(of_hours.first);
  auto until = time_of_day(of_hours.second);
  if (!first || !last || !from || !until || *from == *until) return false;
  if (*until < *from) *until += microseconds_per_day;
  for (std::size_t day = *first;; day = (day + 1) % days.size()) {
    const Microseconds midnight = static_cast<Microseconds>(day) * microseconds_per_day;
    add(midnight + *from, midnight + *until, hours);
    if (day == *last) return true;
  }
}

std::vector<types::Hours> joined(std::vector<types::Hours> hours) {
  std::ranges::sort(hours, {}, &types::Hours::from);
  std::vector<types::Hours> all;
  for (const types::Hours& one : hours) {
    if (!all.empty() && one.from <= all.back().until) {
      all.back().until = std::max(all.back().until, one.until);
    } else {
      all.push_back(one);
    }
  }
  return all;
}

std::string time_text(Microseconds of_day) {
  return fmt::format("{:02}:{:02}", of_day / (60 * minute), of_day / minute % 60);
}

// The same hours of days that follow each other.
struct SameHours {
  std::size_t first_day;
  std::size_t last_day;
  Microseconds from;  // since midnight
  Microseconds until;
};

void add_day(std::size_t day, Microseconds from, Microseconds until, std::vector<SameHours>& all) {
  const auto goes_on = std::ranges::find_if(all, [&](const SameHours& same) {
    return same.last_day + 1 == day && same.from == from && same.until == until;
  });
  if (goes_on == all.end()) {
    all.push_back({day, day, from, until});
  } else {
    goes_on->last_day = day;
  }
}

std::string hours_text(const SameHours& same) {
  return fmt::format("{}{} {}-{}", days[same.first_day],
                     same.first_day == same.last_day ? "" : fmt::format("-{}", days[same.last_day]),
                     time_text(same.from), time_text(same.until));
}

}  // namespace

std::string parse_week_hours(std::string_view text, std::vector<types::Hours>& hours) {
  constexpr std::string_view form = "hours of the week such as \"Mon-Sat 06:00-22:00; Sun 08:00-12:00\"";
  std::vector<types::Hours> found;
  for (std::string_view rest = text; !rest.empty();) {
    const auto end = std::min(rest.find(';'), rest.size());
    if (!add_part(trimmed(rest.substr(0, end)), found)) return yaml::must_be(form, text);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (found.empty()) return yaml::must_be(form, text);
  found = joined(std::move(found));
  if (found.size() > most_openings)
    return fmt::format("must not open more than {} times a week", most_openings);
  hours = std::move(found);
  return {};
}

std::string week_hours_text(const std::vector<types::Hours>& hours) {
  std::vector<SameHours> all;
  for (const types::Hours& one : hours) {
    // A day at a time: the form cannot say more at once.
    for (Microseconds from = one.from; from < one.until;) {
      const Microseconds midnight = from / microseconds_per_day * microseconds_per_day;
      const Microseconds until = std::min(one.until, midnight + microseconds_per_day);
      add_day(static_cast<std::size_t>(midnight / microseconds_per_day), from - midnight, until - midnight,
              all);
      from = until;
    }
  }
  std::string text;
  for (const SameHours& same : all) text += (text.empty() ? "" : "; ") + hours_text(same);
  return text;
}

std::string parse_time_of_day(std::string_view text, Microseconds& of_day) {
  const auto time = time_of_day(text);
  if (!time || *time == microseconds_per_day) return yaml::must_be("a time of day such as 15:00", text);
  of_day = *time;
  return {};
}

}  // namespace fleet_sim::declare
