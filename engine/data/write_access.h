// Whether this process may write in a data directory, as far as permissions go: those of the directory, or of
// the nearest folder above it when it is yet to be made. Waiting does not change permissions. A full disk, a
// read-only file system and a locked file may change with time, so they are not reasons here. Looks at the
// file system; any thread.
#pragma once

#include <string>

namespace fleet_sim::data {

// Why it may not, beginning with the path that is in the way; empty if it may.
std::string why_not_writable(const std::string& directory);

// The same for a file, if there is one, and for the files that SQLite keeps next to it.
std::string why_not_writable_file(const std::string& path);

}  // namespace fleet_sim::data
