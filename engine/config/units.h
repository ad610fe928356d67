// How each kind of value of a config is written by a person: what any file may hold (yaml/values.h), and
// rates, zones, addresses, paths and other texts, by the same rules. Pure, but for the home folder of paths;
// any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/cadence.h"
#include "base/timestamp.h"
#include "yaml/ranges.h"
#include "yaml/values.h"
#include "zones/zone.h"

namespace fleet_sim::config {

// As everywhere in YAML.
using yaml::Bounds;
using yaml::count_range_text;
using yaml::count_text;
using yaml::duration_law_text;
using yaml::duration_range_text;
using yaml::equal_words;
using yaml::longest_duration_seconds;
using yaml::must_be;
using yaml::must_be_a_time;
using yaml::number_range_text;
using yaml::number_text;
using yaml::parse_boolean;
using yaml::parse_count;
using yaml::parse_duration;
using yaml::parse_duration_law;
using yaml::parse_number;
using yaml::parse_range;
using yaml::parse_start;
using yaml::range_text;
using yaml::start_range_text;

inline constexpr std::size_t longest_path_bytes = 4'095;  // PATH_MAX without its end
inline constexpr std::size_t shortest_token_bytes = 16;
inline constexpr std::size_t longest_token_bytes = 256;

inline constexpr Bounds rates{lowest_rate, highest_rate, true};
inline constexpr Bounds intervals{1e-6, static_cast<double>(longest_interval) / 1e6, true};

std::string parse_rate(std::string_view text, Rate& rate);      // readings per second
std::string parse_interval(std::string_view text, Rate& rate);  // a duration
std::string parse_power_of_two(std::string_view text, std::uint32_t min, std::uint32_t max,
                               std::uint32_t& value);
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

std::string utc_offset_text(Microseconds offset);
std::string lines_text(const std::vector<std::string>& lines);

std::string power_of_two_range_text(std::uint32_t min, std::uint32_t max);
std::string utc_offset_range_text();
std::string token_range_text();

}  // namespace fleet_sim::config
