// How each kind of value is written by a person: numbers, durations, counts, words, offsets. Every parser
// checks syntax and range and returns what is wrong ("must be at least 1, not '0'"), or an empty string;
// `value` changes only when nothing is wrong. Every `_text` is read back by its parser to the same value.
// Pure, but for the home folder of paths; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/cadence.h"
#include "base/timestamp.h"
#include "zones/zone.h"

namespace fleet_sim::config {

// Both ends belong to the range; `positive` tells a user "greater than 0" before it tells of a tiny `min`.
struct Bounds {
  double min = 0;
  double max = 0;
  bool positive = false;
};

inline constexpr double longest_duration_seconds = 36'525.0 * seconds_per_day;  // 100 years
inline constexpr std::size_t longest_path_bytes = 4'095;                        // PATH_MAX without its end
inline constexpr std::size_t shortest_token_bytes = 16;
inline constexpr std::size_t longest_token_bytes = 256;

inline constexpr Bounds rates{lowest_rate, highest_rate, true};
inline constexpr Bounds intervals{1e-6, static_cast<double>(longest_interval) / 1e6, true};

// "must be `what`, not 'text'"
std::string must_be(std::string_view what, std::string_view text);
// For a text that parse_timestamp does not take.
std::string must_be_a_time(std::string_view text);

bool equal_words(std::string_view a, std::string_view b);  // in any case, ASCII

std::string parse_number(std::string_view text, const Bounds& bounds, double& value);
std::string parse_duration(std::string_view text, const Bounds& bounds,
                           double& seconds);                    // 90 | 500ms | 10m | 1h30m | 30d | 2w
std::string parse_rate(std::string_view text, Rate& rate);      // readings per second
std::string parse_interval(std::string_view text, Rate& rate);  // a duration
std::string parse_count(std::string_view text, std::uint64_t min, std::uint64_t max, std::uint64_t& value);
std::string parse_boolean(std::string_view text, bool& value);  // true/false, yes/no, on/off
std::string parse_power_of_two(std::string_view text, std::uint32_t min, std::uint32_t max,
                               std::uint32_t& value);
std::string parse_start(std::string_view text, Timestamp& start);  // from 1970, 100 years before the last
std::string parse_utc_offset(std::string_view text, zones::Zone& zone);  // UTC | Z | +02 | -05:30
std::string parse_time_zone(std::string_view text, zones::Zone& zone);   // Europe/Berlin
std::string parse_log_level(std::string_view text, std::string& level);  // upper case, WARN as WARNING
std::string parse_address(std::string_view text, std::string& address);  // HOST:PORT, [::1]:PORT; or empty
std::string parse_token(std::string_view text, std::string& token);      // what a header can carry; or empty
std::string parse_text(std::string_view text, std::string& value);       // UTF-8 up to longest_path_bytes
std::string parse_path(std::string_view text, std::string& path);        // text; ~/ is the home folder
std::string parse_file_name(std::string_view text, std::string& path);   // a path that can name a file
std::string parse_lines(std::string_view text, std::vector<std::string>& lines);  // one text per line
std::string parse_paths(std::string_view text, std::vector<std::string>& paths);  // one path per line

std::string number_text(double value);  // shortest that reads back exactly
std::string count_text(std::uint64_t value);
std::string utc_offset_text(Microseconds offset);
std::string lines_text(const std::vector<std::string>& lines);

// Ranges as help and messages say them. One that is `positive` begins above 0 where its least value is too
// small to be of use to anyone.
std::string range_text(const Bounds& bounds);           // "0.001 to 36525"
std::string duration_range_text(const Bounds& bounds);  // days where they are whole: "0 to 36525d"
std::string count_range_text(std::uint64_t min, std::uint64_t max);
std::string power_of_two_range_text(std::uint32_t min, std::uint32_t max);
std::string start_range_text();
std::string utc_offset_range_text();
std::string token_range_text();

}  // namespace fleet_sim::config
