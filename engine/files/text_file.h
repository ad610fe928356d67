// Reads a small untrusted text file: a pipe, a device, a folder, a huge or a binary file is
// refused with a reason, and none of them can make it wait. Any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/problems.h"

namespace fleet_sim::files {

// The content without a byte order mark: UTF-8 of at most `largest` bytes, with no control characters but
// tabs and line ends. Anything else is a problem and nothing is returned.
std::optional<std::string> read_text_file(const std::filesystem::path& path, std::uintmax_t largest,
                                          Problems& problems);

// Whether the content is such text; if not, that is a problem at its place and line.
bool is_text(std::string_view content, const std::string& place, Problems& problems);

}  // namespace fleet_sim::files
