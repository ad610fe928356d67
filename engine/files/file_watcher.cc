#include "files/file_watcher.h"

#include <sys/stat.h>

#include <algorithm>
#include <string>
#include <system_error>
#include <utility>

#include "base/clock.h"
#include "base/random.h"
#include "files/folder_walk.h"

namespace fleet_sim::files {
namespace {

constexpr Microseconds settled_after = 2 * microseconds_per_second;  // some file systems count in seconds

struct Sight {
  std::uint64_t hash = 0;
  Microseconds newest = earliest_timestamp;  // change of any of the files

  void add(std::uint64_t word) { hash = mix_words(hash, word); }

  void add_file(const std::filesystem::path& path) {
    add(hash_text(path.native()));
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return add(0);
    add_time(status.st_mtim);
    add_time(status.st_ctim);
    for (const auto number :
         {static_cast<std::uint64_t>(status.st_dev), static_cast<std::uint64_t>(status.st_ino),
          static_cast<std::uint64_t>(status.st_size)}) {
      add(number);
    }
  }

 private:
  void add_time(const timespec& time) {
    add(static_cast<std::uint64_t>(time.tv_sec));
    add(static_cast<std::uint64_t>(time.tv_nsec));
    newest = std::max(newest, static_cast<Microseconds>(time.tv_sec) * microseconds_per_second);
  }
};

Sight look_at(const std::vector<std::filesystem::path>& paths) {
  Sight sight;
  FolderWalk walk;
  for (const auto& path : paths) {
    std::error_code none;
    if (std::filesystem::is_directory(path, none)) {
      walk.walk(path);
    } else {
      sight.add_file(path);
    }
  }
  // Folders tell of entries that have gone, and of links that were switched.
  for (const auto& folder : walk.folders()) sight.add_file(folder);
  for (const auto& file : walk.files()) sight.add_file(file);
  return sight;
}

}  // namespace

FileWatcher::FileWatcher(std::vector<std::filesystem::path> paths, Timestamp read_at)
    : paths_(std::move(paths)) {
  const Sight sight = look_at(paths_);
  taken_up_ = sight.hash;
  taken_up_is_settled_ = sight.newest + settled_after <= read_at;
}

bool FileWatcher::look() {
  const Timestamp now = system_now();
  const Sight sight = look_at(paths_);
  seen_ = sight.hash;
  seen_is_settled_ = sight.newest + settled_after <= now;
  return seen_ != taken_up_ || !taken_up_is_settled_;
}

void FileWatcher::take_up() {
  taken_up_ = seen_;
  taken_up_is_settled_ = seen_is_settled_;
}

}  // namespace fleet_sim::files
