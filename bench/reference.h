// The references that workloads are judged by, in the same process and the same minute: plain loops around
// SQLite that anyone can read, on rows that are ready beforehand. Each call makes and leaves its own files in
// an empty folder and throws on any error.
#pragma once

#include <cstddef>
#include <filesystem>

namespace fleet_sim::bench {

struct ReferenceLoad {
  std::size_t rows;
  bool unsynced_index = false;
  std::size_t threads = 1;  // each with files of its own
  std::size_t files = 0;    // for R_files: how many to make

  bool operator==(const ReferenceLoad&) const = default;
};

// R_bind: one prepared single-row insert, 16 files, 1,000 rows a transaction, WAL, synchronous NORMAL, 4 KiB
// pages; the same 14 columns, and the same index when asked. Returns rows per second, closing included.
double bind_rows_per_second(const std::filesystem::path& folder, const ReferenceLoad& load);

// R_best: the fastest honest loop we know: 32 rows to a statement, 16 KiB pages, about 5,000 rows a
// transaction.
double best_rows_per_second(const std::filesystem::path& folder, const ReferenceLoad& load);

// R_files: new files, filled one after the other. Each under another name, without a journal, in one
// transaction of 20 rows to a statement, in which all texts but the timestamp and the id are constants; in
// groups of 256 files, one wait for the disk and then a rename for each. With the index of unsynced rows when
// asked.
double files_rows_per_second(const std::filesystem::path& folder, const ReferenceLoad& load);

}  // namespace fleet_sim::bench
