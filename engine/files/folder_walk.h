// Lists everything below some folders, including subfolders, for code that reads or watches all of it.
// Follows links, but never reads a folder twice, so a loop of links ends. Skips hidden entries, whose names
// begin with a dot. Opens no file. One thread; owns its lists, which are bounded; a folder that cannot be
// listed becomes a failure in them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace fleet_sim::files {

class FolderWalk {
 public:
  static constexpr std::size_t deepest = 32;              // levels of subfolders
  static constexpr std::size_t most_entries = 4'000'000;  // enough for a fleet, too few for a whole disk

  struct Failure {
    std::filesystem::path folder;
    std::string why;
  };

  // Adds what is below the folder, ordered by name; a subfolder's entries come where the subfolder would.
  void walk(const std::filesystem::path& folder) { enter(folder, 0); }

  [[nodiscard]] const std::vector<std::filesystem::path>& files() const { return files_; }
  [[nodiscard]] const std::vector<std::filesystem::path>& folders() const { return folders_; }
  [[nodiscard]] const std::vector<Failure>& failures() const { return failures_; }

  // Skipped: hidden entries (but not those with two dots, which Kubernetes makes in mounted folders), folders
  // that were read before, and folders that are too deep.
  [[nodiscard]] std::size_t hidden() const { return hidden_; }
  [[nodiscard]] std::size_t repeated() const { return repeated_; }
  [[nodiscard]] std::size_t too_deep() const { return too_deep_; }

 private:
  void enter(const std::filesystem::path& folder, std::size_t depth);
  bool list(const std::filesystem::path& folder, std::vector<std::pair<std::filesystem::path, bool>>& found);

  std::vector<std::filesystem::path> files_;
  std::vector<std::filesystem::path> folders_;
  std::vector<Failure> failures_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> entered_;  // device and inode
  std::size_t entries_ = 0;
  std::size_t hidden_ = 0;
  std::size_t repeated_ = 0;
  std::size_t too_deep_ = 0;
};

}  // namespace fleet_sim::files
