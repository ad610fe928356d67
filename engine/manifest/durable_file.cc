#include "manifest/durable_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>

#include "files/new_file.h"

namespace fleet_sim::manifest {
namespace {

class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, int flags)
      : path_(path.string()), number_(open(path_, flags)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { ::close(number_); }

  void write(std::string_view text) const { files::write_all(number_, text, path_); }
  void sync() const {
    if (::fsync(number_) != 0 && errno != EINVAL) fail(path_);
  }

 private:
  static int open(const std::string& path, int flags) {
    const int number = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
    if (number < 0) fail(path);
    return number;
  }
  [[noreturn]] static void fail(const std::string& path) {
    throw std::system_error(errno, std::generic_category(), path);
  }

  std::string path_;
  int number_;
};

void sync_folder_of(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  Descriptor(folder, O_RDONLY | O_DIRECTORY).sync();
}

}  // namespace

void replace_durably(const std::filesystem::path& path, std::string_view text) {
  const std::filesystem::path unfinished = path.string() + ".new";
  {
    const Descriptor file(unfinished, O_WRONLY | O_CREAT | O_TRUNC);
    file.write(text);
    file.sync();
  }
  rename_durably(unfinished, path);
}

void append_durably(const std::filesystem::path& path, std::string_view text) {
  const bool is_new = !std::filesystem::exists(path);
  const Descriptor file(path, O_WRONLY | O_CREAT | O_APPEND);
  file.write(text);
  file.sync();
  if (is_new) sync_folder_of(path);
}

void rename_durably(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::filesystem::rename(from, to);
  sync_folder_of(to);
}

}  // namespace fleet_sim::manifest
