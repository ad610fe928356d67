// How texts, paths and lists of them are written by a person, and powers of two, by the rules of values.h.
// Pure, but for the home folder of paths; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fleet_sim::yaml {

inline constexpr std::size_t longest_path_bytes = 4'095;  // PATH_MAX without its end

std::string parse_power_of_two(std::string_view text, std::uint32_t min, std::uint32_t max,
                               std::uint32_t& value);
std::string parse_text(std::string_view text, std::string& value);      // UTF-8 up to longest_path_bytes
std::string parse_path(std::string_view text, std::string& path);       // text; ~/ is the home folder
std::string parse_file_name(std::string_view text, std::string& path);  // a path that can name a file
std::string parse_lines(std::string_view text, std::vector<std::string>& lines);  // one text per line
std::string parse_paths(std::string_view text, std::vector<std::string>& paths);  // one path per line

std::string lines_text(const std::vector<std::string>& lines);
std::string power_of_two_range_text(std::uint32_t min, std::uint32_t max);

}  // namespace fleet_sim::yaml
