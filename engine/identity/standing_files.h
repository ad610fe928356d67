// Which file each identity of the running fleet came from, and which changed files a reload may take. Each
// file is judged by itself: a broken file is refused and its sensors continue unchanged, while other files
// are taken. An id stays with its file: another file that has it too is refused. If an id is no longer in its
// file, or the file is gone, the id moves to the file that has it now.
//
// Plain values, 16 bytes per identity; one thread. Ids are compared by 64-bit hash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "identity/load_identities.h"

namespace fleet_sim::identity {

class StandingFiles {
 public:
  struct File {
    std::string path;
    std::uint32_t invalid = 0;     // identities that were left out
    std::uint32_t identities = 0;  // that stand in it
  };
  struct Standing {
    std::uint64_t id_hash = 0;
    std::uint32_t file = 0;

    auto operator<=>(const Standing&) const = default;
  };

  StandingFiles() = default;
  StandingFiles(std::vector<File> files, std::vector<Standing> standing);
  // Everything that was loaded into `roster`.
  StandingFiles(const std::vector<LoadedFile>& files, const Roster& roster);

  [[nodiscard]] const std::vector<File>& files() const { return files_; }
  // Ordered by hash.
  [[nodiscard]] const std::vector<Standing>& standing() const { return standing_; }
  // The index in standing().
  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view id) const;

 private:
  std::vector<File> files_;
  std::vector<Standing> standing_;
};

// What a reload may take.
struct Taken {
  static constexpr std::size_t most_named = 20;

  std::vector<bool> identities;      // by index of the look's roster
  std::vector<bool> kept;            // by standing identity: unchanged, because its file is refused
  std::size_t refused_files = 0;     // and folders
  std::vector<std::string> refused;  // the first of them, each with its place and reason
  StandingFiles standing;            // after the reload

  // "identities/a.json:1: not valid JSON …; …; and 3 more"; empty where nothing is refused.
  [[nodiscard]] std::string refused_text() const;
};

// `look` was loaded with RepeatedIds::kept. `objections` says for each of its files why it cannot be used
// although it is well-formed; empty texts for the others.
Taken take_files(const StandingFiles& standing, const LoadedIdentities& look,
                 const std::vector<std::string>& objections);

}  // namespace fleet_sim::identity
