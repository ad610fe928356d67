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

// Gives a file that is on the disk its name, in place of one that has it.
void rename_durably(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace fleet_sim::manifest
