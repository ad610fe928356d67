#include "identity/identity_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/plain_text.h"
#include "files/encoding.h"

namespace fleet_sim::identity {
namespace {

constexpr std::size_t longest_shown_path = 500;

bool holds_lines(const std::filesystem::path& path) {
  return path.extension() == ".jsonl";
}

bool is_identity_file_name(const std::filesystem::path& path) {
  const bool hidden = path.filename().native().starts_with('.');
  return !hidden && (path.extension() == ".json" || holds_lines(path));
}

void list_folder(const std::filesystem::path& folder, std::vector<IdentityFile>& files, Problems& problems) {
  std::vector<std::filesystem::path> found;
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    if (is_identity_file_name(entry->path())) found.push_back(entry->path());
  }
  const std::string shown = place_in(folder.native());
  if (error) return problems.add(shown, "cannot be listed: " + error.message());
  if (found.empty()) {
    return problems.add(shown, fmt::format("the folder has no .json or .jsonl file: add identity files, or "
                                           "make some with `fleet-sim generate --preset demo --out {}`",
                                           shown));
  }
  std::ranges::sort(found);
  for (const auto& path : found) files.push_back({path.native(), holds_lines(path)});
}

std::string too_large(std::string_view size) {
  return fmt::format("is {}: split it into files of at most {} bytes", size, largest_identity_file_bytes);
}

std::string unreadable(int error) {
  return std::string("cannot be read: ") + std::strerror(error);
}

}  // namespace

std::vector<IdentityFile> find_identity_files(const std::vector<std::filesystem::path>& paths,
                                              Problems& problems) {
  std::vector<IdentityFile> files;
  for (const auto& path : paths) {
    std::error_code none;  // what does not exist is found out when it is opened
    if (std::filesystem::is_directory(path, none)) {
      list_folder(path, files, problems);
    } else {
      files.push_back({path.native(), holds_lines(path)});
    }
  }
  return files;
}

std::string place_in(const std::string& path, std::uint32_t line) {
  const std::string shown = printable(path, longest_shown_path);
  return line == 0 ? shown : fmt::format("{}:{}", shown, line);
}

bool InputFile::open(const std::string& path) {
  close();
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return fail(unreadable(errno));
  if (S_ISDIR(status.st_mode)) return fail("is a folder, not a file");
  if (!S_ISREG(status.st_mode)) return fail("is not a regular file");
  if (static_cast<std::uintmax_t>(status.st_size) > largest_identity_file_bytes) {
    return fail(too_large(fmt::format("{} bytes long", status.st_size)));
  }
  // Should a FIFO have taken the name meanwhile, O_NONBLOCK opens that without waiting, too.
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  return descriptor_ >= 0 || fail(std::string("cannot be opened: ") + std::strerror(errno));
}

std::size_t InputFile::read(std::span<char> buffer) {
  std::size_t filled = 0;
  while (filled < buffer.size() && failure_.empty()) {
    const auto got = ::read(descriptor_, buffer.data() + filled, buffer.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(unreadable(errno));
    if (got <= 0) break;
    filled += static_cast<std::size_t>(got);
  }
  if (total_bytes_ == 0 && failure_.empty()) {
    const std::string_view beginning(buffer.data(), std::min(filled, files::encoding_bytes));
    if (std::string foreign = files::foreign_encoding(beginning); !foreign.empty()) fail(std::move(foreign));
  }
  total_bytes_ += filled;
  // It may have grown since it was measured.
  if (total_bytes_ > largest_identity_file_bytes) fail(too_large("too long"));
  return failure_.empty() ? filled : 0;
}

void InputFile::close() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
  total_bytes_ = 0;
  failure_.clear();
}

bool InputFile::fail(std::string why) {
  failure_ = std::move(why);
  return false;
}

}  // namespace fleet_sim::identity
