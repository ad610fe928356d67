#include "files/new_file.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "base/problems.h"

namespace fleet_sim::files {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& doing, int error) {
  throw std::system_error(error, std::generic_category(), path + ": " + doing);
}

[[noreturn]] void refuse_to_replace(const std::string& path) {
  throw InvalidInput(
      path +
      ": already exists and holds something else; it was left alone. Move it away or choose another name");
}

std::string temporary_name(const std::filesystem::path& path) {
  const std::string name = fmt::format(".{}.tmp-{}", path.filename().string(), ::getpid());
  return (path.parent_path() / name).string();
}

std::string descriptor_path(int descriptor) {
  return fmt::format("/proc/self/fd/{}", descriptor);
}

}  // namespace

NewFile::NewFile(const std::filesystem::path& path) : path_(path.string()), temporary_(temporary_name(path)) {
  open_nameless(path.has_parent_path() ? path.parent_path() : ".");
  if (descriptor_ < 0) open_named();
}

NewFile::~NewFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (temporary_exists_) ::unlink(temporary_.c_str());
}

// Leaves it to open_named() where it is not possible, and where /proc is missing, through which such a file
// is given its name.
void NewFile::open_nameless(const std::filesystem::path& folder) {
  descriptor_ = ::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
  if (descriptor_ < 0 || ::access(descriptor_path(descriptor_).c_str(), F_OK) == 0) return;
  ::close(std::exchange(descriptor_, -1));
}

void NewFile::open_named() {
  descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail(path_, "cannot be created", errno);
  temporary_exists_ = true;
}

void NewFile::write(std::string_view bytes) {
  write_all(descriptor_, bytes, path_);
}

void NewFile::publish() {
  check_written();
  if (!(temporary_exists_ ? rename_to_new() : link_as(path_))) fail(path_, "cannot be created", errno);
}

// A link replaces nothing, so a nameless file goes by way of the temporary name.
void NewFile::replace() {
  check_written();
  if (!temporary_exists_ && !link_as(temporary_)) fail(path_, "cannot be replaced", errno);
  temporary_exists_ = ::rename(temporary_.c_str(), path_.c_str()) != 0;
  if (temporary_exists_) fail(path_, "cannot be replaced", errno);
}

// Some file systems tell only on closing that a write has failed; another descriptor will do, and keeps a
// nameless file alive.
void NewFile::check_written() const {
  const int other = ::dup(descriptor_);
  if (other < 0 || ::close(other) != 0) fail(path_, "cannot be written", errno);
}

bool NewFile::link_as(const std::string& name) const {
  const std::string path = descriptor_path(descriptor_);
  return ::linkat(AT_FDCWD, path.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0;
}

bool NewFile::rename_to_new() {
  const char* const from = temporary_.c_str();
  bool renamed = ::renameat2(AT_FDCWD, from, AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) == 0;
  // Some network file systems do not know the flag. The name was free when the command began.
  if (!renamed && errno == EINVAL) renamed = ::rename(from, path_.c_str()) == 0;
  temporary_exists_ = !renamed;
  return renamed;
}

PresentFile::PresentFile(const std::string& path) : path_(path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno != ENOENT) fail(path, "cannot be examined", errno);
    return;
  }
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) refuse_to_replace(path);
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) fail(path, "cannot be compared", errno);
}

PresentFile::~PresentFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void PresentFile::expect(std::string_view bytes) {
  if (read(bytes.size()) != bytes) refuse_to_replace(path_);
}

void PresentFile::expect_end() {
  if (!read(1).empty()) refuse_to_replace(path_);
}

std::string PresentFile::read(std::size_t bytes) {
  std::string text(bytes, '\0');
  std::size_t filled = 0;
  while (filled < bytes) {
    const auto got = ::read(descriptor_, text.data() + filled, bytes - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(path_, "cannot be compared", errno);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  text.resize(filled);
  return text;
}

void make_folder(const std::filesystem::path& folder) {
  if (folder.empty()) return;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!error && std::filesystem::is_directory(folder)) return;
  throw InvalidInput(folder.string() +
                     ": cannot be used as a folder: " + (error ? error.message() : "it is a file"));
}

void write_all(int descriptor, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const auto written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(path, "cannot be written", errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace fleet_sim::files
