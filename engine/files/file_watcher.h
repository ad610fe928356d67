// Notices when files change: the config files, or the files and folders of identities, each folder with every
// entry below it that is not hidden. It looks at what the names lead to, so a symbolic link that is switched
// to another folder, as Kubernetes does with its ConfigMaps, is a change. It asks the system about each file
// and reads none: contents are for the loaders. One thread. A file that cannot be examined counts as gone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/timestamp.h"

namespace fleet_sim::files {

class FileWatcher {
 public:
  // What has not changed since `read_at`, when the loaders began to read, counts as taken up.
  FileWatcher(std::vector<std::filesystem::path> paths, Timestamp read_at);

  // Looks. True while what is there differs from what was last taken up.
  bool look();

  // What the last look saw has been taken up. A file that was written a moment before that look stays a
  // change for a while: another write within the grain of the file system's clock would show no difference.
  void take_up();

  // Names what the last look saw.
  [[nodiscard]] std::uint64_t seen() const { return seen_; }

 private:
  std::vector<std::filesystem::path> paths_;
  std::uint64_t seen_ = 0;
  bool seen_is_settled_ = false;
  std::uint64_t taken_up_ = 0;
  bool taken_up_is_settled_ = false;
};

}  // namespace fleet_sim::files
