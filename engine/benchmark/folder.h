// A folder of its own for one measurement, removed with everything in it afterwards. Its name is new, so
// nothing that was there before is touched. Main thread. Throws run::NoStorage, with a remedy, where none can
// be made.
#pragma once

#include <cstdint>
#include <filesystem>

namespace fleet_sim::benchmark {

class BenchFolder {
 public:
  explicit BenchFolder(const std::filesystem::path& parent);
  BenchFolder(const BenchFolder&) = delete;
  BenchFolder& operator=(const BenchFolder&) = delete;
  ~BenchFolder();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  // Bytes of all files, and of these the write-ahead logs.
  struct Usage {
    std::uint64_t all = 0;
    std::uint64_t logs = 0;
  };
  [[nodiscard]] Usage usage() const;

 private:
  std::filesystem::path path_;
};

// The least disk space a measurement works with: whatever is on its way to the disk when the bound is noticed
// has to fit.
inline constexpr std::uint64_t least_disk_bytes = 200'000'000;

// How much of the disk below `folder` a measurement may take: `most`, or most of what is free.
std::uint64_t disk_to_use(const std::filesystem::path& folder, std::uint64_t most);

}  // namespace fleet_sim::benchmark
