#include "files/folder_walk.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace fleet_sim::files {

void FolderWalk::enter(const std::filesystem::path& folder, std::size_t depth) {
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) {
    failures_.push_back({folder, std::strerror(errno)});
    return;
  }
  if (!entered_.emplace(status.st_dev, status.st_ino).second) {
    ++repeated_;
    return;
  }
  folders_.push_back(folder);
  std::vector<std::pair<std::filesystem::path, bool>> found;
  if (!list(folder, found)) return;
  std::ranges::sort(found);
  for (auto& [path, is_folder] : found) {
    if (!is_folder) {
      files_.push_back(std::move(path));
    } else if (depth == deepest) {
      ++too_deep_;
    } else {
      enter(path, depth + 1);
    }
  }
}

// The entries that are not hidden, and which of them are folders. False after a failure.
bool FolderWalk::list(const std::filesystem::path& folder,
                      std::vector<std::pair<std::filesystem::path, bool>>& found) {
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    if (++entries_ > most_entries) {
      failures_.push_back({folder, fmt::format("there are more than {} entries", most_entries)});
      return false;
    }
    const std::string name = entry->path().filename().string();
    if (name.starts_with('.')) {
      if (!name.starts_with("..")) ++hidden_;
      continue;
    }
    std::error_code none;  // what leads nowhere is found out when it is opened
    found.emplace_back(entry->path(), entry->is_directory(none));
  }
  if (error) failures_.push_back({folder, error.message()});
  return !error;
}

}  // namespace fleet_sim::files
