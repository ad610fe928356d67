// How each kind of value of a config is written by a person: what any file may hold (yaml/values.h,
// yaml/texts.h), and rates, zones, addresses and words, by the same rules. Pure, but for the home folder of
// paths; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/cadence.h"
#include "base/timestamp.h"
#include "yaml/ranges.h"
#include "yaml/texts.h"
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
using yaml::lines_text;
using yaml::longest_duration_seconds;
using yaml::longest_path_bytes;
using yaml::must_be;
using yaml::must_be_a_time;
using yaml::number_range_text;
using yaml::number_text;
using yaml::parse_boolean;
using yaml::parse_count;
using yaml::parse_duration;
using yaml::parse_duration_law;
using yaml::parse_file_name;
using yaml::parse_lines;
using yaml::parse_number;
using yaml::parse_path;
using yaml::parse_paths;
using yaml::parse_power_of_two;
using yaml::parse_range;
using yaml::parse_start;
using yaml::parse_text;
using yaml::power_of_two_range_text;
using yaml::range_text;
using yaml::start_range_text;

inline constexpr std::size_t shortest_token_bytes = 16;
inline constexpr std::size_t longest_token_bytes = 256;

inline constexpr Bounds rates{lowest_rate, highest_rate, true};
inline constexpr Bounds intervals{1e-6, static_cast<double>(longest_interval) / 1e6, true};

std::string parse_rate(std::string_view text, Rate& rate);               // readings per second
std::string parse_interval(std::string_view text, Rate& rate);           // a duration
std::string parse_utc_offset(std::string_view text, zones::Zone& zone);  // UTC | Z | +02 | -05:30
std::string parse_time_zone(std::string_view text, zones::Zone& zone);   // Europe/Berlin
std::string parse_log_level(std::string_view text, std::string& level);  // upper case, WARN as WARNING
std::string parse_address(std::string_view text, std::string& address);  // HOST:PORT, [::1]:PORT; or empty
std::string parse_token(std::string_view text, std::string& token);      // what a header can carry; or empty

std::string utc_offset_text(Microseconds offset);

std::string utc_offset_range_text();
std::string token_range_text();

}  // namespace fleet_sim::config
