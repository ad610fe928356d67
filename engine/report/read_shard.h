// Reads one shard for a report: first, in one transaction, its runs, its events and how far its rows reach,
// then the rows, several parts of them at the same time, each with a connection of its own. Rows that a
// simulator adds meanwhile are left for the next report. Any thread. Throws std::runtime_error, naming the
// file, for one that cannot be read or holds what no simulator writes.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "batch/reading.h"
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

// What delivery did, by kind: how many rows of `deliveries`, and how many readings were held.
struct DeliveryTally {
  std::array<std::uint64_t, batch::Delivery::kind_names.size()> of_kind{};
  std::uint64_t held = 0;

  [[nodiscard]] std::uint64_t of(batch::Delivery::Kind kind) const {
    return of_kind[static_cast<std::size_t>(kind)];
  }
  [[nodiscard]] bool is_empty() const { return *this == DeliveryTally{}; }
  DeliveryTally& operator+=(const DeliveryTally& other);
  bool operator==(const DeliveryTally&) const = default;
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
  DeliveryTally delivery;
  types::Schema schema = types::built_in_type().schema;  // of its readings
};

// `slots` are the pieces of time that rows are counted by.
ReadShard read_shard(const std::filesystem::path& file, data::RunConfigs& configs,
                     const std::vector<Timestamp>& slots, ReadProgress& progress);

}  // namespace fleet_sim::report
