// A digest of everything a data directory holds: the same for the same readings and events, whatever their
// order, ids, shards, or what collectors have marked. Two runs produced the same data exactly when their
// digests are equal (up to the odds of a 64-bit hash). Reads every shard in parallel, each with a connection
// of its own, read-only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/data_directory.h"
#include "tables/deletions.h"
#include "tables/schema.h"

namespace fleet_sim::data {

struct ShardDigest {
  std::string file;  // Sources::name_of
  std::uint64_t readings = 0;
  std::uint64_t events = 0;         // of anomalies
  std::uint64_t fleet_events = 0;   // of a scenario
  std::uint64_t readings_hash = 0;  // sums of the rows' hashes, modulo 2^64
  std::uint64_t events_hash = 0;    // of both
  tables::Deletions deleted;        // by retention; of the total, only the counts
};

struct DirectoryDigest {
  ShardDigest total;
  std::vector<ShardDigest> shards;    // sorted by file name
  std::vector<tables::RunInfo> runs;  // in the order they began, each once

  [[nodiscard]] std::string text() const;  // 32 hexadecimal digits
};

// Of all sources together. Throws std::runtime_error for a file that cannot be read or does not have our
// tables.
DirectoryDigest digest_of(const Sources& sources);

}  // namespace fleet_sim::data
