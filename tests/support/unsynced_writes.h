// What a power failure can take: the changes to each file since it was last synced, with the bytes they
// replaced. A file that is deleted is taken to be gone for good, which SQLite does not rely on. One thread.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace fleet_sim::test {

// What has become of one unsynced write: it reached the disk, did not, or did so in part.
enum class Fate { kept, lost, torn };

class UnsyncedWrites {
 public:
  // Before `size` bytes are written at `offset`, or the file is cut to `offset` when `data` is null.
  void will_change(const std::string& path, sqlite3_file* file, const void* data, int size,
                   sqlite3_int64 offset) {
    Change change;
    change.offset = offset;
    file->pMethods->xFileSize(file, &change.size_before);
    const sqlite3_int64 end = data == nullptr ? change.size_before : offset + size;
    const sqlite3_int64 replaced = std::min(end, change.size_before) - offset;
    if (replaced > 0) {
      change.before.resize(static_cast<std::size_t>(replaced));
      file->pMethods->xRead(file, change.before.data(), static_cast<int>(replaced), offset);
    }
    change.cuts = data == nullptr;
    if (data != nullptr) change.after.assign(static_cast<const char*>(data), static_cast<std::size_t>(size));
    of_file_[path].push_back(std::move(change));
  }

  void synced(const std::string& path) {
    of_file_.erase(path);
    ever_synced_.insert(path);
  }
  void removed(const std::string& path) {
    of_file_.erase(path);
    ever_synced_.erase(path);
  }
  [[nodiscard]] bool waits_for_sync(const std::string& path) const { return of_file_.contains(path); }
  [[nodiscard]] bool ever_synced(const std::string& path) const { return ever_synced_.contains(path); }

  // The power is back: every file is what it was when it was last synced, and those changes since which
  // `fate` lets stand. It is asked for each file's changes in their order, with their number.
  void lose(const std::function<std::vector<Fate>(std::size_t changes)>& fates) {
    for (const auto& [path, changes] : of_file_) {
      const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
      if (file < 0 && errno == ENOENT) continue;  // it has another name now, or none
      REQUIRE(file >= 0);
      for (auto change = changes.rbegin(); change != changes.rend(); ++change) undo(file, *change);
      const std::vector<Fate> what_became = fates(changes.size());
      for (std::size_t i = 0; i < changes.size(); ++i) redo(file, changes[i], what_became[i]);
      ::close(file);
    }
    of_file_.clear();
  }

 private:
  struct Change {
    sqlite3_int64 offset = 0;
    sqlite3_int64 size_before = 0;
    bool cuts = false;
    std::string before;
    std::string after;
  };

  static void undo(int file, const Change& change) {
    REQUIRE(::pwrite(file, change.before.data(), change.before.size(), change.offset) >= 0);
    REQUIRE(::ftruncate(file, change.size_before) == 0);
  }

  static void redo(int file, const Change& change, Fate fate) {
    if (fate == Fate::lost) return;
    if (change.cuts) {
      REQUIRE(::ftruncate(file, change.offset) == 0);
      return;
    }
    constexpr std::size_t sector = 512;
    const std::size_t size =
        fate == Fate::kept ? change.after.size() : change.after.size() / 2 / sector * sector;
    REQUIRE(::pwrite(file, change.after.data(), size, change.offset) >= 0);
  }

  std::map<std::string, std::vector<Change>> of_file_;
  std::set<std::string> ever_synced_;
};

}  // namespace fleet_sim::test
