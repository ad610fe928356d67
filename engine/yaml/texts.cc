#include "yaml/texts.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "base/plain_text.h"
#include "base/text.h"
#include "files/home_folder.h"
#include "yaml/values.h"

namespace fleet_sim::yaml {

std::string parse_power_of_two(std::string_view text, std::uint32_t min, std::uint32_t max,
                               std::uint32_t& value) {
  std::uint64_t parsed = 0;
  if (!parse_count(text, min, max, parsed).empty() || !std::has_single_bit(parsed)) {
    return must_be(power_of_two_range_text(min, max), text);
  }
  value = static_cast<std::uint32_t>(parsed);
  return {};
}

std::string parse_text(std::string_view text, std::string& value) {
  if (text.size() > longest_path_bytes) {
    return must_be(fmt::format("at most {} bytes long", longest_path_bytes), text);
  }
  if (const auto flaw = find_text_flaw(text)) {
    return must_be("UTF-8 text without control characters", text);
  }
  value = text;
  return {};
}

std::string parse_path(std::string_view text, std::string& path) {
  std::string expanded;
  std::string wrong = files::expand_home(text, expanded);
  return wrong.empty() ? parse_text(expanded, path) : wrong;
}

std::string parse_file_name(std::string_view text, std::string& path) {
  if (text.empty() || text.ends_with('/')) return must_be("the name of a file", text);
  return parse_path(text, path);
}

std::string parse_lines(std::string_view text, std::vector<std::string>& lines) {
  std::vector<std::string> parsed;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.empty()) continue;
    if (std::string wrong = parse_text(line, parsed.emplace_back()); !wrong.empty()) return wrong;
  }
  lines = std::move(parsed);
  return {};
}

std::string parse_paths(std::string_view text, std::vector<std::string>& paths) {
  std::vector<std::string> parsed;
  std::string wrong = parse_lines(text, parsed);
  for (std::string& path : parsed) {
    if (wrong.empty()) wrong = parse_path(std::string(path), path);
  }
  if (wrong.empty()) paths = std::move(parsed);
  return wrong;
}

std::string lines_text(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
  return text;
}

std::string power_of_two_range_text(std::uint32_t min, std::uint32_t max) {
  return fmt::format("a power of two from {}", count_range_text(min, max));
}

}  // namespace fleet_sim::yaml
