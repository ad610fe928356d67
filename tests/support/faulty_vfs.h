// A disk that fails on demand: an SQLite VFS over the default one, which passes everything through but the
// writes and openings it was told to fail. A failing write leaves half of its bytes behind, as a full disk
// does. Registered under a name of its own while it lives; must outlive every connection that uses it. Any
// thread.
#pragma once

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <cstdint>
#include <limits>
#include <mutex>
#include <string>
#include <string_view>

namespace fleet_sim::test {

class FaultyVfs {
 public:
  static constexpr std::uint64_t for_ever = std::numeric_limits<std::uint64_t>::max();

  FaultyVfs() : real_(sqlite3_vfs_find(nullptr)), vfs_(*real_) {
    static int made = 0;
    name_ = "faulty-" + std::to_string(++made);
    vfs_.zName = name_.c_str();
    vfs_.pNext = nullptr;
    vfs_.pAppData = this;
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
    vfs_.xOpen = open;
    vfs_.xDelete = [](sqlite3_vfs* v, const char* n, int sync) { return real(v)->xDelete(real(v), n, sync); };
    vfs_.xAccess = [](sqlite3_vfs* v, const char* n, int f, int* out) {
      return real(v)->xAccess(real(v), n, f, out);
    };
    vfs_.xFullPathname = [](sqlite3_vfs* v, const char* n, int size, char* out) {
      return real(v)->xFullPathname(real(v), n, size, out);
    };
    REQUIRE(sqlite3_vfs_register(&vfs_, 0) == SQLITE_OK);
  }
  ~FaultyVfs() { sqlite3_vfs_unregister(&vfs_); }
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }

  // Fails `times` writes, the first being the nth from now (1 is the next one). Only writes to files whose
  // path contains `part` count.
  void fail_writes(std::uint64_t nth, std::uint64_t times, int code = SQLITE_IOERR_WRITE,
                   std::string part = "") {
    const std::lock_guard lock(mutex_);
    spared_ = nth - 1;
    to_fail_ = times;
    code_ = code;
    part_ = std::move(part);
  }

  // Fails every opening of a file whose path contains `part`.
  void fail_opens(std::string part) {
    const std::lock_guard lock(mutex_);
    closed_part_ = std::move(part);
  }

  void heal() {
    const std::lock_guard lock(mutex_);
    to_fail_ = 0;
    closed_part_.clear();
  }

  // How many writes have failed so far.
  [[nodiscard]] std::uint64_t failed() const {
    const std::lock_guard lock(mutex_);
    return failed_;
  }

 private:
  struct File {
    sqlite3_file base;
    FaultyVfs* owner;
    const char* path;  // SQLite keeps it until the file is closed

    sqlite3_file* below() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  };

  static FaultyVfs* owner(sqlite3_vfs* vfs) { return static_cast<FaultyVfs*>(vfs->pAppData); }
  static sqlite3_vfs* real(sqlite3_vfs* vfs) { return owner(vfs)->real_; }
  static File* file(sqlite3_file* f) { return reinterpret_cast<File*>(f); }
  static sqlite3_file* below(sqlite3_file* f) { return file(f)->below(); }

  static int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* opened, int flags, int* out_flags) {
    File* f = file(opened);
    f->base.pMethods = nullptr;
    f->owner = owner(vfs);
    f->path = path;
    if (f->owner->refuses(path)) return SQLITE_CANTOPEN;
    const int code = real(vfs)->xOpen(real(vfs), path, f->below(), flags, out_flags);
    if (code == SQLITE_OK) f->base.pMethods = methods();
    return code;
  }

  static int write(sqlite3_file* f, const void* data, int size, sqlite3_int64 offset) {
    sqlite3_file* under = below(f);
    const int code = file(f)->owner->verdict(file(f)->path);
    const int kept = code == SQLITE_OK ? size : size / 2;
    const int written = under->pMethods->xWrite(under, data, kept, offset);
    return code == SQLITE_OK ? written : code;
  }

  static const sqlite3_io_methods* methods() {
    using F = sqlite3_file*;
    // Version 2 has shared memory for the write-ahead log, and no memory mapping past our write().
    static const sqlite3_io_methods table{
        2,
        [](F f) { return below(f)->pMethods->xClose(below(f)); },
        [](F f, void* p, int n, sqlite3_int64 at) { return below(f)->pMethods->xRead(below(f), p, n, at); },
        write,
        [](F f, sqlite3_int64 size) { return below(f)->pMethods->xTruncate(below(f), size); },
        [](F f, int flags) { return below(f)->pMethods->xSync(below(f), flags); },
        [](F f, sqlite3_int64* size) { return below(f)->pMethods->xFileSize(below(f), size); },
        [](F f, int lock) { return below(f)->pMethods->xLock(below(f), lock); },
        [](F f, int lock) { return below(f)->pMethods->xUnlock(below(f), lock); },
        [](F f, int* out) { return below(f)->pMethods->xCheckReservedLock(below(f), out); },
        [](F f, int op, void* arg) { return below(f)->pMethods->xFileControl(below(f), op, arg); },
        [](F f) { return below(f)->pMethods->xSectorSize(below(f)); },
        [](F f) { return below(f)->pMethods->xDeviceCharacteristics(below(f)); },
        [](F f, int page, int size, int extend, void volatile** out) {
          return below(f)->pMethods->xShmMap(below(f), page, size, extend, out);
        },
        [](F f, int offset, int n, int flags) {
          return below(f)->pMethods->xShmLock(below(f), offset, n, flags);
        },
        [](F f) { below(f)->pMethods->xShmBarrier(below(f)); },
        [](F f, int remove) { return below(f)->pMethods->xShmUnmap(below(f), remove); },
        nullptr,
        nullptr};
    return &table;
  }

  [[nodiscard]] bool refuses(const char* path) const {
    const std::lock_guard lock(mutex_);
    return path != nullptr && !closed_part_.empty() &&
           std::string_view(path).find(closed_part_) != std::string_view::npos;
  }

  int verdict(const char* path) {
    const std::lock_guard lock(mutex_);
    if (to_fail_ == 0 || (path != nullptr && std::string_view(path).find(part_) == std::string_view::npos)) {
      return SQLITE_OK;
    }
    if (spared_ > 0) {
      --spared_;
      return SQLITE_OK;
    }
    if (to_fail_ != for_ever) --to_fail_;
    ++failed_;
    return code_;
  }

  sqlite3_vfs* real_;
  sqlite3_vfs vfs_;
  std::string name_;
  mutable std::mutex mutex_;
  std::uint64_t spared_ = 0;
  std::uint64_t to_fail_ = 0;
  std::uint64_t failed_ = 0;
  int code_ = SQLITE_IOERR_WRITE;
  std::string part_;
  std::string closed_part_;
};

}  // namespace fleet_sim::test
