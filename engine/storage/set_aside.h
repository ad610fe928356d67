// Takes a database file out of the way without deleting or overwriting anything: it gets a new name that says
// why and when, and so do its write-ahead log and the log's index, so that it can still be opened and looked
// at. Any thread; nobody here may have the file open. Errors are values: a file that cannot be renamed stays.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

#include "base/timestamp.h"

namespace fleet_sim {

// Renames `path`, `path`-wal and `path`-shm, as far as there are such files. `data/a.db` becomes
// `data/a.corrupt-20261123T114200Z.db` for the reason "corrupt", with a number where that name is taken.
// Returns the new name; empty when something could not be renamed, and `error` says why.
std::string set_aside(const std::string& path, std::string_view reason, Timestamp now,
                      std::error_code& error);

// Whether a file has such a name: it is no shard any more.
bool is_set_aside(const std::filesystem::path& path);

}  // namespace fleet_sim
