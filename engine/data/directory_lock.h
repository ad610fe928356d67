// Keeps two processes from writing the rows of the same sensors into one data directory: a record lock
// (fcntl) on a file there, over the bytes that stand for the sensors of this process. Partitions that share
// no sensor lock different bytes and may share the directory. The system drops the lock when the process
// ends, however it ends; the empty file stays. Owned by the main thread; holds one descriptor. Where the file
// system cannot lock, or nothing can be made in the directory, this says so, and nobody is kept out.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "config/config.h"

namespace fleet_sim::data {

// The bytes of the lock file that stand for a partition, in the order of the sensors' hashes: two partitions
// have a byte in common exactly when they may have a sensor in common.
struct LockedBytes {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};
LockedBytes bytes_of(config::Partition partition);

class DirectoryLock {
 public:
  DirectoryLock() = default;
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

  enum class Verdict { taken, held, unavailable };
  Verdict take(const std::filesystem::path& directory, config::Partition partition);

  // Takes the lock again if its file is gone because the directory was deleted and made again, or if the
  // directory could not be locked before. Costs one look at the directory when all is well.
  Verdict keep(const std::filesystem::path& directory, config::Partition partition);

  // Who holds a lock that is held; 0 where the system cannot tell, such as a process on another machine.
  [[nodiscard]] pid_t holder() const { return holder_; }
  // Why a lock is unavailable.
  [[nodiscard]] const std::string& reason() const { return reason_; }

 private:
  Verdict give_up(int error_number);
  [[nodiscard]] bool is_on(const std::filesystem::path& file) const;

  int descriptor_ = -1;
  pid_t holder_ = 0;
  std::string reason_;
};

}  // namespace fleet_sim::data
