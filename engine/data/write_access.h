// Whether this process may write in a data directory, as far as permissions go: those of the directory, or of
// the nearest folder above it when it is yet to be made. Permissions do not come by waiting, unlike space on
// a full disk, a file system that is mounted read-only, or a file that somebody has locked: those are no
// reason here. Looks at the file system; any thread.
#pragma once

#include <string>

namespace fleet_sim::data {

// Why it may not, in words that begin with the path in the way; empty when it may.
std::string why_not_writable(const std::string& directory);

// The same of a file, when there is one, and of the files that SQLite keeps beside it.
std::string why_not_writable_file(const std::string& path);

}  // namespace fleet_sim::data
