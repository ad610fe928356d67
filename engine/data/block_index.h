// Finds where in the shards the readings of a period are. Shards have no index by time, and ids follow time
// only roughly: within a run, timestamps go back by up to a second, and a later run may cover an earlier
// time. So one pass over the timestamps notes, for every few hundred readings of consecutive ids, the first
// and the last moment; and time is cut into slices that hold about as many readings each. What is committed
// after the pass is not part of the index. 40 bytes per block; the pass runs on oneTBB's workers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/source.h"

namespace fleet_sim::data {

struct Block {
  std::uint32_t shard = 0;
  std::uint32_t rows = 0;
  std::int64_t first_id = 0;
  std::int64_t last_id = 0;
  Timestamp first = 0;
  Timestamp last = 0;
};

// The readings that are asked for, in no particular order of blocks. Throws std::runtime_error for a reading
// whose timestamp is invalid.
std::vector<Block> index_readings(const std::vector<SourceShard>& shards, const Selection& selection,
                                  std::uint32_t rows_per_block);

struct IdRange {
  std::uint32_t shard = 0;
  std::int64_t first = 0;
  std::int64_t last = 0;
};

// Readings due from `from` to before `to`, and where they are; ranges are sorted by shard and id.
struct Slice {
  Timestamp from = 0;
  Timestamp to = 0;
  std::vector<IdRange> ranges;
};

// Gives the slices in order of time. Assumes that readings are spread evenly within a block, so a slice may
// hold more of them than it should.
class Slices {
 public:
  Slices(std::vector<Block> blocks, std::uint64_t rows_per_slice);

  std::optional<Slice> next();

 private:
  std::vector<Block> blocks_;    // by first moment
  std::vector<Timestamp> cuts_;  // where the slices end
  std::size_t next_block_ = 0;   // the first that has not begun
  std::size_t next_cut_ = 0;
  std::vector<std::size_t> open_;  // blocks that have begun and not ended
};

}  // namespace fleet_sim::data
