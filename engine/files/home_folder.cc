#include "files/home_folder.h"

#include <fmt/format.h>

#include <cstdlib>

#include "base/plain_text.h"

namespace fleet_sim::files {

std::string expand_home(std::string_view path, std::string& expanded) {
  if (!path.starts_with('~')) {
    expanded = path;
    return {};
  }
  if (path.size() > 1 && path[1] != '/') {
    return fmt::format(
        "{} begins with another user's home folder, which is not looked up: write the whole path, or "
        "begin with ./ for a name that begins with ~",
        in_quotes(path));
  }
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home != '/') {
    return fmt::format("{} begins with ~, but HOME names no folder: set HOME, or write the whole path",
                       in_quotes(path));
  }
  std::string whole(home);
  while (whole.size() > 1 && whole.ends_with('/')) whole.pop_back();
  const std::string_view rest = path.substr(1);
  expanded = whole == "/" && !rest.empty() ? std::string(rest) : whole.append(rest);
  return {};
}

}  // namespace fleet_sim::files
