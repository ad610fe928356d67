// The references that workloads are judged by, in the same process and the same minute: plain loops around
// SQLite that anyone can read. Main thread; each call makes and leaves its own files in an empty folder;
// throws on any error.
#pragma once

#include <cstddef>
#include <filesystem>

namespace fleet_sim::bench {

// R_bind: one thread, 16 files, one prepared single-row insert, 1,000 rows a transaction, WAL, synchronous
// NORMAL, 4 KiB pages; the same 14 columns, and the same index when asked. Returns rows per second, closing
// included.
double bind_rows_per_second(const std::filesystem::path& folder, std::size_t rows, bool unsynced_index);

}  // namespace fleet_sim::bench
