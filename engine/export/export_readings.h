// Every reading of a data directory as lines of text, in order of time over all shards; readings of the same
// moment in the order of their shards' names and ids. A stream that feeds a pipeline or a benchmark has to be
// in order, and neither SQLite's sorting (a temporary copy of the whole table per shard) nor a merge with
// every shard open (10,000 descriptors) would do. Instead slices of time are read (block_index.h), several at
// once, or where there are many shards in several parts at once; each is sorted in memory and handed over
// when those before it have been.
//
// Memory is bounded by what is under way, whatever the number of readings and their order in the files: of a
// slice that turns out larger than planned, the excess is read again. Shards are reopened for each slice, so
// descriptors are bounded by threads. Readings that are committed after the beginning are not exported; a
// simulator that writes meanwhile is never held up. Throws as source.h says, and what `take` throws.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "data/source.h"
#include "export/clean_readings.h"
#include "format/row_format.h"

namespace fleet_sim::exports {

using format::row_format_names;
using format::RowFormat;

struct ExportCounts {
  std::uint64_t rows = 0;
  std::uint64_t left_out = 0;  // of which the format can say nothing
};

// Takes the next lines, and what has been exported with them. Called on one thread at a time.
using TakeLines = std::function<void(std::string_view lines, const ExportCounts& so_far)>;

// `clean`: none, unless clean values are wanted beside the readings.
ExportCounts export_readings(const std::vector<data::SourceShard>& shards, const data::Selection& selection,
                             RowFormat format, const TakeLines& take, const CleanReadings* clean = nullptr);

}  // namespace fleet_sim::exports
