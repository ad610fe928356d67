// Files that are on the disk, with their names, when a call returns. One thread per file. Throws
// std::system_error with the path and the reason.
#pragma once

#include <filesystem>
#include <string_view>

namespace fleet_sim::manifest {

// Puts the text in place of what the file holds; whoever reads meanwhile sees the one or the other.
void replace_durably(const std::filesystem::path& path, std::string_view text);

// Puts the text, which ends in whole lines, behind what the file holds, or makes the file.
void append_durably(const std::filesystem::path& path, std::string_view text);

}  // namespace fleet_sim::manifest
