// How values of one type are written: a parser and a writer from units.h and the range that both keep to,
// joined so that a row of the table of keys names form and bounds once, for parsing and for help. Built while
// the table is; read-only afterwards, any thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/anomaly_types.h"
#include "base/range.h"
#include "base/text.h"
#include "config/units.h"
#include "yaml/forms.h"

namespace fleet_sim::config {

template <class T>
struct Codec {
  // What is wrong with the text, or an empty string after assigning the value.
  std::function<std::string(std::string_view text, T& value)> parse;
  // Text that `parse` reads back to the same value.
  std::function<std::string(const T& value)> text;
  std::string range = {};  // as help says it; empty where only words or any text will do
  // Of a value with several spellings, each a key of its own: whether it has this one. None: there is no
  // other.
  std::function<bool(const T& value)> is_spelled = {};
  // The value may be a list or a map, and its text is then that of YAML on one line: "[2, 4]".
  bool is_flow = false;
};

inline Codec<double> number(Bounds bounds) {
  return {[bounds](std::string_view text, double& value) { return parse_number(text, bounds, value); },
          number_text, range_text(bounds)};
}

inline Codec<double> duration(Bounds bounds) {
  return {[bounds](std::string_view text, double& value) { return parse_duration(text, bounds, value); },
          number_text, duration_range_text(bounds)};
}

// How long anomalies of a type last: a duration, or three of a lognormal law.
inline Codec<DurationRange> duration_law(Bounds bounds) {
  return {[bounds](std::string_view text, DurationRange& value) {
            return parse_duration_law(text, bounds, value);
          },
          duration_law_text,
          duration_range_text(bounds),
          {},
          true};
}

// A number, or two that others lie between.
inline Codec<Range> number_range(Bounds bounds) {
  return {[bounds](std::string_view text, Range& value) { return parse_range(text, bounds, value); },
          number_range_text,
          range_text(bounds),
          {},
          true};
}

// The two spellings of a rate.
inline Codec<Rate> readings_per_second() {
  return {parse_rate, [](const Rate& rate) { return number_text(rate.per_second()); }, range_text(rates),
          [](const Rate& rate) { return !rate.interval(); }};
}
inline Codec<Rate> interval() {
  return {parse_interval, [](const Rate& rate) { return interval_text(*rate.interval()); },
          duration_range_text(intervals), [](const Rate& rate) { return rate.interval().has_value(); }};
}

// The two spellings of a zone.
inline Codec<zones::Zone> utc_offset() {
  return {parse_utc_offset, [](const zones::Zone& zone) { return utc_offset_text(zone.offset_at(0)); },
          utc_offset_range_text(), [](const zones::Zone& zone) { return !zone.is_named(); }};
}
inline Codec<zones::Zone> time_zone() {
  return {parse_time_zone,
          [](const zones::Zone& zone) { return std::string(zone.name()); },
          {},
          [](const zones::Zone& zone) { return zone.is_named(); }};
}

// A form of any file, such as a share in percent or a span of time.
template <class T>
Codec<T> form(yaml::Form<T> of) {
  return {std::move(of.parse), std::move(of.text), std::move(of.values)};
}

template <class T = std::uint32_t>
Codec<T> count(T min, T max) {
  return {[min, max](std::string_view text, T& value) {
            std::uint64_t parsed = 0;
            std::string wrong = parse_count(text, min, max, parsed);
            if (wrong.empty()) value = static_cast<T>(parsed);
            return wrong;
          },
          [](const T& value) { return count_text(value); }, count_range_text(min, max)};
}

inline Codec<std::uint32_t> power_of_two(std::uint32_t min, std::uint32_t max) {
  return {[min, max](std::string_view text, std::uint32_t& value) {
            return parse_power_of_two(text, min, max, value);
          },
          [](const std::uint32_t& value) { return count_text(value); }, power_of_two_range_text(min, max)};
}

inline Codec<bool> boolean() {
  return {parse_boolean, [](const bool& value) { return std::string(value ? "true" : "false"); }};
}

inline Codec<std::string> text_of(std::string (*parse)(std::string_view, std::string&)) {
  return {parse, [](const std::string& value) { return value; }};
}

inline Codec<std::string> token() {
  return {parse_token, [](const std::string& value) { return value; }, token_range_text()};
}

// A key with one of these codecs is a path: a leading `~` is expanded.
inline Codec<std::string> path() {
  return text_of(parse_path);
}

inline Codec<std::string> file_path() {
  return text_of(parse_file_name);
}

inline Codec<std::vector<std::string>> paths() {
  return {parse_paths, lines_text};
}

// An enum with one word per value; the first enumerator's word comes first, and so on.
template <class Enum>
Codec<Enum> words(const std::vector<std::string_view>& names) {
  std::string choice(names[0]);
  for (std::size_t i = 1; i < names.size(); ++i) {
    choice.append(i + 1 < names.size() ? ", " : " or ").append(names[i]);
  }
  return {[names, choice](std::string_view text, Enum& value) {
            const auto name = std::ranges::find_if(names, [&](auto word) { return equal_words(word, text); });
            if (name == names.end()) return must_be(choice, text);
            value = static_cast<Enum>(name - names.begin());
            return std::string();
          },
          [names](const Enum& value) { return std::string(names[static_cast<std::size_t>(value)]); }, choice};
}

// A value that may be left to the run; `absent` is the word for that, and no part of the range.
template <class T>
Codec<std::optional<T>> or_word(std::string_view absent, Codec<T> present) {
  return {[absent, present](std::string_view text, std::optional<T>& value) {
            if (equal_words(text, absent)) {
              value.reset();
              return std::string();
            }
            T parsed{};
            std::string wrong = present.parse(text, parsed);
            if (wrong.empty()) value = parsed;
            return wrong;
          },
          [absent, present](const std::optional<T>& value) {
            return value ? present.text(*value) : std::string(absent);
          },
          present.range,
          {},
          present.is_flow};
}

}  // namespace fleet_sim::config
