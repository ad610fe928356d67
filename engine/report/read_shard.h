// Reads one shard for a report: first, in one transaction, its runs, its events and how far its rows reach,
// then the rows, several parts of them at the same time, each with a connection of its own. Rows that a
// simulator adds meanwhile are left for the next report. Any thread. Throws std::runtime_error, naming the
// file, for one that cannot be read or holds what no simulator writes.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "data/data_directory.h"
#include "data/run_configs.h"
#include "report/event_tally.h"
#include "report/tally.h"
#include "types/built_in_type.h"

namespace fleet_sim::report {

// How far the reading has come; written by all threads.
struct ReadProgress {
  std::atomic<std::uint64_t> readings{0};
};

struct ReadShard {
  std::vector<data::RecordedRun> runs;  // first to last
  data::ShardConfig config;
  std::unique_ptr<const TallyContext> context;  // that the tally borrows
  ReadingTally tally;
  EventTally events;
  std::uint64_t missing_events = 0;
  std::uint64_t open_missing_events = 0;
  tables::Deletions deleted;
  types::Schema schema = types::built_in_type().schema;  // of its readings
};

// `slots` are the pieces of time that rows are counted by.
ReadShard read_shard(const std::filesystem::path& file, data::RunConfigs& configs,
                     const std::vector<Timestamp>& slots, ReadProgress& progress);

}  // namespace fleet_sim::report
