// The files of another simulator, written as ours: its config, and its identities in our flat form. Writes
// only into a new or empty folder, so nothing is overwritten. Main thread; holds all identities in memory.
// Throws InvalidInput for files that cannot be read and a folder that cannot be used, and what NewFile
// throws.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace fleet_sim::convert {

struct Request {
  std::optional<std::filesystem::path> config;
  std::vector<std::filesystem::path> identities;
  std::filesystem::path out;
};

struct Conversion {
  std::string config;      // the file written; empty: none
  std::string identities;  // the folder or file written; empty: none
  std::size_t settings = 0;
  std::size_t translated = 0;
  std::size_t sensors = 0;
  std::vector<std::string> left_out;  // what has no equivalent, a line each
};

Conversion convert(const Request& request);

}  // namespace fleet_sim::convert
