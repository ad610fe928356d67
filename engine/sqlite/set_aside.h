// Takes a database file out of the way without deleting or overwriting anything: it gets a new name that says
// why and when, and so do its write-ahead log and the log's index, so that it can still be opened and looked
// at. The name does not end in .db: programs that read all shards of a folder must not find it. Any thread;
// no thread may have the file open. Errors are values: a file that cannot be renamed stays.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

#include "base/timestamp.h"

namespace fleet_sim::sqlite {

// Renames `path`, `path`-wal and `path`-shm, as far as there are such files. `data/a.db` becomes
// `data/a.db.corrupt-20261123T114200Z` for the reason "corrupt", with a number where that name is taken.
// Returns the new name; empty when something could not be renamed, and `error` says why.
std::string set_aside(const std::string& path, std::string_view reason, Timestamp now,
                      std::error_code& error);

}  // namespace fleet_sim::sqlite
