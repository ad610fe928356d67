// Readings that were written more than once: the same sensor at the same time, in one shard or in several.
// Most directories have none, which the one pass over their rows shows: no sensor's time goes back within a
// shard, and none has readings of the same time in two. Only shards for which this is not true are read
// again. Main thread. Memory is bounded: with very many rows, only a part chosen by a hash is counted, and
// the total is estimated from it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace fleet_sim::report {

struct Duplicates {
  std::uint64_t readings = 0;  // beyond the first of each
  bool is_estimate = false;

  bool operator==(const Duplicates&) const = default;
};

inline constexpr std::uint64_t most_rows_compared = 32'000'000;  // 8 bytes each

// `rows` is about how many the files have. Throws std::runtime_error, naming the file, for one that cannot be
// read.
Duplicates count_duplicates(const std::vector<std::filesystem::path>& files, std::uint64_t rows,
                            std::uint64_t most_compared = most_rows_compared);

}  // namespace fleet_sim::report
