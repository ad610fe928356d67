// A disk that fails on demand: an SQLite VFS over the default one, which passes everything through but the
// calls it was told to fail. A failing write or read leaves half of its bytes behind, as a full or sick disk
// does. On request it remembers what a power failure would take, and can be switched off like a machine that
// dies. It can also keep whoever writes waiting. Registered under a name of its own while it lives; must
// outlive every connection that uses it. Any thread, but for what has to do with power: there, one.
#pragma once

#include <doctest/doctest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <array>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <limits>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "unsynced_writes.h"

namespace fleet_sim::test {

// What SQLite asks of a disk.
enum class DiskCall { open, read, write, sync, truncate, lock, log_lock, remove };
inline constexpr std::size_t disk_calls = 8;

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
    vfs_.xDelete = remove;
    vfs_.xAccess = [](sqlite3_vfs* v, const char* n, int f, int* out) {
      return real(v)->xAccess(real(v), n, f, out);
    };
    vfs_.xFullPathname = [](sqlite3_vfs* v, const char* n, int size, char* out) {
      return real(v)->xFullPathname(real(v), n, size, out);
    };
    vfs_.xSleep = [](sqlite3_vfs* v, int microseconds) {
      return owner(v)->remembers_ ? microseconds : real(v)->xSleep(real(v), microseconds);
    };
    REQUIRE(sqlite3_vfs_register(&vfs_, 0) == SQLITE_OK);
  }
  ~FaultyVfs() { sqlite3_vfs_unregister(&vfs_); }
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }

  // Fails `times` calls, the first being the nth from now (1 is the next one). Only calls for files whose
  // path contains `part` count. Replaces an earlier fault.
  void fail(DiskCall call, std::uint64_t nth, std::uint64_t times, int code, std::string part = "") {
    const std::lock_guard lock(mutex_);
    call_ = call;
    spared_ = nth - 1;
    to_fail_ = times;
    code_ = code;
    part_ = std::move(part);
  }
  void fail_writes(std::uint64_t nth, std::uint64_t times, int code = SQLITE_IOERR_WRITE,
                   std::string part = "") {
    fail(DiskCall::write, nth, times, code, std::move(part));
  }

  // Fails every opening of a file whose path contains `part`.
  void fail_opens(std::string part) {
    const std::lock_guard lock(mutex_);
    closed_part_ = std::move(part);
  }

  // Answers no write to a file whose path contains `part`, before answer().
  void stall_writes(std::string part) {
    const std::lock_guard lock(mutex_);
    stalled_part_ = std::move(part);
  }
  void answer() {
    {
      const std::lock_guard lock(mutex_);
      stalled_part_.clear();
    }
    answers_.notify_all();
  }

  // How many writes wait for an answer.
  [[nodiscard]] std::size_t stalled() const {
    const std::lock_guard lock(mutex_);
    return stalled_;
  }

  void heal() {
    const std::lock_guard lock(mutex_);
    to_fail_ = 0;
    closed_part_.clear();
  }

  // How many calls have failed so far.
  [[nodiscard]] std::uint64_t failed() const {
    const std::lock_guard lock(mutex_);
    return failed_;
  }

  // From now on nothing is really synced, and a power failure can take what was not. SQLite's waits are
  // skipped.
  void remember_unsynced() { remembers_ = true; }

  // Nothing changes any file from the nth write on (1 is the next one).
  void switch_off_at(std::uint64_t nth_write) { writes_left_ = nth_write; }
  void switch_off() { off_ = true; }
  [[nodiscard]] bool is_off() const { return off_; }

  // The machine is on again. Without `fates` only the process had died: the files are as it left them.
  void switch_on(const std::function<std::vector<Fate>(std::size_t changes)>& fates = {}) {
    off_ = false;
    writes_left_ = for_ever;
    if (fates) unsynced_.lose(fates);
  }
  [[nodiscard]] const UnsyncedWrites& unsynced() const { return unsynced_; }

 private:
  struct File {
    sqlite3_file base;
    FaultyVfs* owner;
    const char* path;  // SQLite keeps it until the file is closed; null for one without a name
    ino_t inode;

    sqlite3_file* below() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  };

  static FaultyVfs* owner(sqlite3_vfs* vfs) { return static_cast<FaultyVfs*>(vfs->pAppData); }
  static sqlite3_vfs* real(sqlite3_vfs* vfs) { return owner(vfs)->real_; }
  static File* file(sqlite3_file* f) { return reinterpret_cast<File*>(f); }
  static sqlite3_file* below(sqlite3_file* f) { return file(f)->below(); }
  static int verdict(sqlite3_file* f, DiskCall call) { return file(f)->owner->verdict(call, file(f)->path); }
  static ino_t inode_at(const char* path) {
    struct stat status {};
    return path != nullptr && ::stat(path, &status) == 0 ? status.st_ino : 0;
  }
  // What is still written to a file that has lost its name is nobody's.
  static bool remembers(sqlite3_file* f) {
    return file(f)->owner->remembers_ && file(f)->inode != 0 && file(f)->inode == inode_at(file(f)->path);
  }

  static int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* opened, int flags, int* out_flags) {
    File* f = file(opened);
    f->base.pMethods = nullptr;
    f->owner = owner(vfs);
    f->path = path;
    if (f->owner->refuses(path)) return SQLITE_CANTOPEN;
    if (const int code = f->owner->verdict(DiskCall::open, path); code != SQLITE_OK) return code;
    if (f->owner->remembers_ && path != nullptr && inode_at(path) == 0) f->owner->unsynced_.removed(path);
    const int code = real(vfs)->xOpen(real(vfs), path, f->below(), flags, out_flags);
    if (code == SQLITE_OK) f->base.pMethods = methods();
    f->inode = inode_at(path);
    return code;
  }

  static int remove(sqlite3_vfs* vfs, const char* path, int sync) {
    FaultyVfs* self = owner(vfs);
    if (const int code = self->verdict(DiskCall::remove, path); code != SQLITE_OK) return code;
    if (self->remembers_) self->unsynced_.removed(path);
    return self->real_->xDelete(self->real_, path, self->remembers_ ? 0 : sync);
  }

  static int read(sqlite3_file* f, void* data, int size, sqlite3_int64 offset) {
    const int code = verdict(f, DiskCall::read);
    const int wanted = code == SQLITE_OK ? size : size / 2;
    const int done = below(f)->pMethods->xRead(below(f), data, wanted, offset);
    return code == SQLITE_OK ? done : code;
  }

  static int write(sqlite3_file* f, const void* data, int size, sqlite3_int64 offset) {
    FaultyVfs* self = file(f)->owner;
    if (self->is_last_write()) return SQLITE_IOERR_WRITE;
    self->wait_for_answer(file(f)->path);
    const int code = verdict(f, DiskCall::write);
    if (self->off_) return code;
    const int kept = code == SQLITE_OK ? size : size / 2;
    if (remembers(f)) self->unsynced_.will_change(file(f)->path, below(f), data, kept, offset);
    const int written = below(f)->pMethods->xWrite(below(f), data, kept, offset);
    return code == SQLITE_OK ? written : code;
  }

  static int truncate(sqlite3_file* f, sqlite3_int64 size) {
    if (const int code = verdict(f, DiskCall::truncate); code != SQLITE_OK) return code;
    if (remembers(f)) file(f)->owner->unsynced_.will_change(file(f)->path, below(f), nullptr, 0, size);
    return below(f)->pMethods->xTruncate(below(f), size);
  }

  static int sync(sqlite3_file* f, int flags) {
    if (const int code = verdict(f, DiskCall::sync); code != SQLITE_OK) return code;
    if (!file(f)->owner->remembers_) return below(f)->pMethods->xSync(below(f), flags);
    if (remembers(f)) file(f)->owner->unsynced_.synced(file(f)->path);
    return SQLITE_OK;
  }

  static int lock(sqlite3_file* f, int level) {
    if (const int code = verdict(f, DiskCall::lock); code != SQLITE_OK) return code;
    return below(f)->pMethods->xLock(below(f), level);
  }

  // Letting go never fails.
  static int lock_log(sqlite3_file* f, int offset, int n, int flags) {
    if ((flags & SQLITE_SHM_LOCK) != 0) {
      if (const int code = verdict(f, DiskCall::log_lock); code != SQLITE_OK) return code;
    }
    return below(f)->pMethods->xShmLock(below(f), offset, n, flags);
  }

  static int unmap_log(sqlite3_file* f, int remove) {
    return below(f)->pMethods->xShmUnmap(below(f), file(f)->owner->off_ ? 0 : remove);
  }

  static const sqlite3_io_methods* methods() {
    using F = sqlite3_file*;
    // Version 2 has shared memory for the write-ahead log, and no memory mapping past our write().
    static const sqlite3_io_methods table{
        2,
        [](F f) { return below(f)->pMethods->xClose(below(f)); },
        read,
        write,
        truncate,
        sync,
        [](F f, sqlite3_int64* size) { return below(f)->pMethods->xFileSize(below(f), size); },
        lock,
        [](F f, int level) { return below(f)->pMethods->xUnlock(below(f), level); },
        [](F f, int* out) { return below(f)->pMethods->xCheckReservedLock(below(f), out); },
        [](F f, int op, void* arg) { return below(f)->pMethods->xFileControl(below(f), op, arg); },
        [](F f) { return below(f)->pMethods->xSectorSize(below(f)); },
        [](F f) { return below(f)->pMethods->xDeviceCharacteristics(below(f)); },
        [](F f, int page, int size, int extend, void volatile** out) {
          return below(f)->pMethods->xShmMap(below(f), page, size, extend, out);
        },
        lock_log,
        [](F f) { below(f)->pMethods->xShmBarrier(below(f)); },
        unmap_log,
        nullptr,
        nullptr};
    return &table;
  }

  [[nodiscard]] bool refuses(const char* path) const {
    const std::lock_guard lock(mutex_);
    return path != nullptr && !closed_part_.empty() &&
           std::string_view(path).find(closed_part_) != std::string_view::npos;
  }

  void wait_for_answer(const char* path) {
    std::unique_lock lock(mutex_);
    const auto is_stalled = [&] {
      return path != nullptr && !stalled_part_.empty() &&
             std::string_view(path).find(stalled_part_) != std::string_view::npos;
    };
    if (!is_stalled()) return;
    ++stalled_;
    answers_.wait(lock, [&] { return !is_stalled(); });
    --stalled_;
  }

  bool is_last_write() {
    if (writes_left_ != for_ever && --writes_left_ == 0) off_ = true;
    return off_;
  }

  // What a machine that is off answers; locks die with their process, and so do files that are only read.
  [[nodiscard]] int verdict_when_off(DiskCall call) const {
    constexpr std::array<int, disk_calls> codes{
        SQLITE_CANTOPEN,       SQLITE_IOERR_READ, SQLITE_IOERR_WRITE,   SQLITE_IOERR_FSYNC,
        SQLITE_IOERR_TRUNCATE, SQLITE_IOERR_LOCK, SQLITE_IOERR_SHMLOCK, SQLITE_IOERR_DELETE};
    return codes[static_cast<std::size_t>(call)];
  }

  int verdict(DiskCall call, const char* path) {
    if (off_) return verdict_when_off(call);
    const std::lock_guard lock(mutex_);
    if (call != call_ || to_fail_ == 0 ||
        (path != nullptr && std::string_view(path).find(part_) == std::string_view::npos)) {
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
  DiskCall call_ = DiskCall::write;
  std::uint64_t spared_ = 0;
  std::uint64_t to_fail_ = 0;
  std::uint64_t failed_ = 0;
  int code_ = SQLITE_IOERR_WRITE;
  std::string part_;
  std::string closed_part_;
  std::string stalled_part_;
  std::size_t stalled_ = 0;
  std::condition_variable answers_;

  bool remembers_ = false;
  bool off_ = false;
  std::uint64_t writes_left_ = for_ever;
  UnsyncedWrites unsynced_;
};

}  // namespace fleet_sim::test
