#include "benchmark/folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>

#include "base/text.h"
#include "run/exit_code.h"

namespace fleet_sim::benchmark {

BenchFolder::BenchFolder(const std::filesystem::path& parent) {
  std::string name = (parent / "fleet-sim-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    throw run::NoStorage(fmt::format("{}: cannot create a folder there: {}; choose another place with --dir",
                                     parent.string(), std::strerror(errno)));
  }
  path_ = name;
}

BenchFolder::~BenchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

// Files come and go while they are counted.
BenchFolder::Usage BenchFolder::usage() const {
  Usage usage;
  std::error_code error;
  for (std::filesystem::directory_iterator file(path_, error), end; !error && file != end;
       file.increment(error)) {
    std::error_code vanished;
    const std::uint64_t bytes = file->file_size(vanished);
    if (vanished) continue;
    usage.all += bytes;
    if (file->path().native().ends_with("-wal")) usage.logs += bytes;
  }
  return usage;
}

std::uint64_t disk_to_use(const std::filesystem::path& folder, std::uint64_t most) {
  constexpr double share_of_free = 0.9;
  std::error_code error;
  const auto space = std::filesystem::space(folder, error);
  if (error)
    throw run::NoStorage(fmt::format("{}: cannot measure there: {}; choose another place with --dir",
                                     folder.string(), error.message()));
  const auto usable = static_cast<std::uint64_t>(static_cast<double>(space.available) * share_of_free);
  if (usable >= least_disk_bytes) return std::min(most, usable);
  throw run::NoStorage(fmt::format(
      "{}: only {} free, but measuring needs at least {}; free some space or choose another place with --dir",
      folder.string(), bytes_text(space.available),
      bytes_text(static_cast<std::uint64_t>(least_disk_bytes / share_of_free))));
}

}  // namespace fleet_sim::benchmark
