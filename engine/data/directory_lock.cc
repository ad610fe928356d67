#include "data/directory_lock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace fleet_sim::data {
namespace {

constexpr const char* file_name = ".fleet-sim.lock";
constexpr mode_t permissions = 0666;  // the umask takes its share

struct flock lock_of(LockedBytes bytes) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = bytes.begin;
  lock.l_len = bytes.end - bytes.begin;
  return lock;
}

}  // namespace

// Partitions are dealt out by dividing the hashes into equal stretches (partition_of). Rounded down in the
// same way, a border that two divisions share is the same byte in both.
LockedBytes bytes_of(config::Partition partition) {
  constexpr std::uint64_t whole = std::uint64_t{1} << 40;  // times a million partitions fits 64 bits
  const auto border = [&partition](std::uint64_t parts) {
    return static_cast<std::int64_t>(whole * parts / partition.count);
  };
  return {border(partition.index - 1), border(partition.index)};
}

DirectoryLock::~DirectoryLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

DirectoryLock::Verdict DirectoryLock::take(const std::filesystem::path& directory,
                                           config::Partition partition) {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = ::open((directory / file_name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, permissions);
  if (descriptor_ < 0) return give_up(errno);
  // Whoever held it may be gone by the time we ask for the name.
  constexpr int attempts = 10;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    struct flock lock = lock_of(bytes_of(partition));
    if (::fcntl(descriptor_, F_SETLK, &lock) == 0) return Verdict::taken;
    if (errno != EACCES && errno != EAGAIN) return give_up(errno);
    lock = lock_of(bytes_of(partition));
    if (::fcntl(descriptor_, F_GETLK, &lock) != 0) return give_up(errno);
    if (lock.l_type == F_UNLCK) continue;
    holder_ = std::max<pid_t>(0, lock.l_pid);
    break;
  }
  return Verdict::held;
}

DirectoryLock::Verdict DirectoryLock::keep(const std::filesystem::path& directory,
                                           config::Partition partition) {
  return is_on(directory / file_name) ? Verdict::taken : take(directory, partition);
}

bool DirectoryLock::is_on(const std::filesystem::path& file) const {
  struct stat held {};
  struct stat there {};
  return descriptor_ >= 0 && ::fstat(descriptor_, &held) == 0 && ::stat(file.c_str(), &there) == 0 &&
         held.st_dev == there.st_dev && held.st_ino == there.st_ino;
}

DirectoryLock::Verdict DirectoryLock::give_up(int error_number) {
  reason_ = std::strerror(error_number);
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;  // so that keep() tries again
  return Verdict::unavailable;
}

}  // namespace fleet_sim::data
