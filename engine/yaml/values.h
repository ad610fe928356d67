// How the plain values of a file are written by a person: numbers, durations, counts, words, times. Every
// parser checks syntax and range and returns what is wrong ("must be at least 1, not '0'"), or an empty
// string; `value` changes only when nothing is wrong. Every `_text` is read back by its parser to the same
// value. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/cadence.h"
#include "base/timestamp.h"

namespace fleet_sim::yaml {

// Both ends belong to the range; `positive` tells a user "greater than 0" before it tells of a tiny `min`.
struct Bounds {
  double min = 0;
  double max = 0;
  bool positive = false;
};

inline constexpr double longest_duration_seconds = 36'525.0 * seconds_per_day;  // 100 years

// "must be `what`, not 'text'"
std::string must_be(std::string_view what, std::string_view text);
// For a text that parse_timestamp does not take.
std::string must_be_a_time(std::string_view text);

bool equal_words(std::string_view a, std::string_view b);  // in any case, ASCII

std::string parse_number(std::string_view text, const Bounds& bounds, double& value);
std::string parse_duration(std::string_view text, const Bounds& bounds,
                           double& seconds);  // 90 | 500ms | 10m | 1h30m | 30d | 2w
std::string parse_count(std::string_view text, std::uint64_t min, std::uint64_t max, std::uint64_t& value);
std::string parse_boolean(std::string_view text, bool& value);     // true/false, yes/no, on/off
std::string parse_start(std::string_view text, Timestamp& start);  // from 1970, 100 years before the last

std::string number_text(double value);  // shortest that reads back exactly
std::string count_text(std::uint64_t value);

// Ranges as help and messages say them. One that is `positive` begins above 0 where its least value is too
// small to be of use to anyone.
std::string range_text(const Bounds& bounds);           // "0.001 to 36525"
std::string duration_range_text(const Bounds& bounds);  // days where they are whole: "0 to 36525d"
std::string count_range_text(std::uint64_t min, std::uint64_t max);
std::string start_range_text();

}  // namespace fleet_sim::yaml
