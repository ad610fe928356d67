// Files without names: a file that is filled from start to end, and that nobody is to see before it is whole,
// lies beside its place under a name that is no shard's. Naming gives such files their names, in groups: one
// wait for the disk for all of a group, then a rename for each. So whoever finds a file finds all of it,
// after a power failure too, and a process that is killed leaves behind only names that the next start
// removes.
//
// One per writer, with a thread of its own, so that the writer fills files while the disk works. The writer's
// threads add files and wait while two groups wait for the disk. What fails is said once and tried again,
// without end as long as the run goes on, and for a while at its end.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "write/destination.h"
#include "write/places.h"

namespace fleet_sim::sqlite {

// So many files wait for the disk together.
inline constexpr std::size_t files_of_group = 256;

// Where the file lies until it has its name.
std::string nameless_path(const std::string& path);

// Removes what processes that are gone have left of files without names. Only while nobody else fills any: of
// these targets, or all in the folder. Returns how many there were.
std::size_t remove_nameless(const std::string& folder, const write::Targets* only_of);

// Gives the file its name. Not onto a file that somebody has put there meanwhile, where the file system can
// tell.
std::error_code give_name(const std::string& path);

// Waits until everything in the folder's file system is on the disk.
std::error_code sync_all(const std::string& folder);

class Naming {
 public:
  explicit Naming(write::Lines log);
  ~Naming();
  Naming(const Naming&) = delete;
  Naming& operator=(const Naming&) = delete;

  // A file that is whole, and closed.
  struct File {
    std::string path;  // that it is to have
    std::uint64_t readings = 0;
  };
  void add(File file);

  // Names what is left, and returns once that is done or given up.
  void finish();

  // Readings in files that have their names. Any thread.
  [[nodiscard]] std::uint64_t settled() const { return settled_.load(std::memory_order_relaxed); }

 private:
  using Files = std::vector<File>;

  void run();
  [[nodiscard]] bool is_group_due() const;
  void name_all(Files files);
  [[nodiscard]] std::error_code name(Files& files);
  [[nodiscard]] bool may_try_again(unsigned attempts);

  write::Lines log_;
  std::atomic<std::uint64_t> settled_{0};
  std::string folder_;  // of the files that were named last; the thread's
  std::mutex mutex_;
  std::condition_variable changed_;
  Files waiting_;                                  // under mutex_, as is the rest
  std::uint64_t readings_ = 0;                     // in these
  std::chrono::steady_clock::time_point since_{};  // the first of them waits
  bool finishing_ = false;
  std::thread thread_;  // last: it uses everything above
};

}  // namespace fleet_sim::sqlite
