#include "benchmark/visitors.h"

#include <filesystem>
#include <system_error>

namespace fleet_sim::benchmark {
namespace {

constexpr const char* wait_for_locks = "PRAGMA busy_timeout = 5000";

}  // namespace

// A shard that is only being made is none yet. It has a write-ahead log from its first row on; opening it
// earlier would stand in its writer's way.
bool open_when_ready(const std::string& path, tables::Database& database) {
  std::error_code ignored;
  if (!std::filesystem::exists(path + "-wal", ignored)) return false;
  if (database.open(path).ok() && database.execute(wait_for_locks).ok()) return true;
  database.close();
  return false;
}

}  // namespace fleet_sim::benchmark
