#include "data/write_access.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <initializer_list>
#include <system_error>

namespace fleet_sim::data {
namespace {

// By the rights with which files are opened, which may be others than those of who started the process.
int refusal(const std::filesystem::path& path, int wanted) {
  return faccessat(AT_FDCWD, path.c_str(), wanted, AT_EACCESS) == 0 ? 0 : errno;
}

bool is_about_rights(int error) {
  return error == EACCES || error == EPERM || error == ENOTDIR;
}

std::string text_of(const std::filesystem::path& path, int error) {
  return fmt::format("{}: cannot be written: {}", path.string(), std::generic_category().message(error));
}

}  // namespace

std::string why_not_writable(const std::string& directory) {
  std::filesystem::path folder = directory;
  int error = refusal(folder, W_OK | X_OK);
  while (error == ENOENT && folder.has_relative_path() && folder != ".") {
    folder = folder.has_parent_path() ? folder.parent_path() : ".";
    error = refusal(folder, W_OK | X_OK);
  }
  std::error_code unknown;
  const std::filesystem::file_status found = std::filesystem::status(folder, unknown);
  if (!unknown && std::filesystem::exists(found) && !std::filesystem::is_directory(found)) error = ENOTDIR;
  return is_about_rights(error) ? text_of(folder, error) : std::string();
}

std::string why_not_writable_file(const std::string& path) {
  for (const char* ending : {"", "-wal", "-shm"}) {
    const int error = refusal(path + ending, R_OK | W_OK);
    if (is_about_rights(error)) return text_of(path + ending, error);
  }
  return {};
}

}  // namespace fleet_sim::data
