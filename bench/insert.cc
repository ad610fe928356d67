#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "fleet/fleet.h"
#include "simulation.h"
#include "sqlite/shard.h"
#include "workloads.h"
#include "write/shard_rows.h"

namespace fleet_sim::bench {
namespace {

constexpr std::size_t file_count = 16;
constexpr std::size_t sensors = 1'000;

// Each file's readings, in order of time.
using ReadyReadings = std::array<batch::Rows, file_count>;

ReadyReadings make_readings(const identity::Roster& roster, std::size_t rows) {
  const std::vector<std::uint32_t> members = fleet::partition_members(roster, {});
  const std::vector<std::uint32_t> writer_of(members.size(), 0);
  fleet::Fleet fleet = fleet::build_fleet(roster, members, writer_of, config::Config{}, 1, start);
  const Timestamp end = start + static_cast<Microseconds>(rows / sensors) * microseconds_per_second;
  ReadyReadings readings;
  batch::Batch batch;
  for (fleet::Cohort& cohort : fleet.cohorts()) {
    while (cohort.next_due() < end) {
      cohort.tick(end, batch);
      for (const batch::Row& reading : batch.readings)
        readings[reading.sensor % file_count].push_back(reading);
      batch.clear();
    }
  }
  return readings;
}

// Commits the next transaction's worth of readings; returns how many.
std::size_t commit_some(sqlite::Shard& shard, const batch::Rows& readings, std::size_t first,
                        std::size_t transaction, write::ShardRows& rows) {
  const auto now = std::chrono::steady_clock::now();
  const std::size_t some = std::min(readings.size() - first, transaction);
  if (some == 0) return 0;
  for (std::size_t i = 0; i < some; ++i) rows.stage(readings[first + i], now);
  const tables::StorageError error = shard.flush(rows.lot());
  if (!error.ok()) throw std::runtime_error(error.message);
  rows.settle();
  return some;
}

std::size_t fill(std::vector<sqlite::Shard>& shards, const ReadyReadings& readings, std::size_t transaction) {
  std::array<std::size_t, file_count> done{};
  write::ShardRows rows;
  std::size_t all = 0;
  for (std::size_t before = 1; before != all;) {
    before = all;
    for (std::size_t i = 0; i < shards.size(); ++i) {
      const std::size_t some = commit_some(shards[i], readings[i], done[i], transaction, rows);
      done[i] += some;
      all += some;
    }
  }
  return all;
}

}  // namespace

double insert_rate(const Folders& folders, const ReferenceLoad& load) {
  const identity::Roster roster = make_roster(sensors);
  const ReadyReadings readings = make_readings(roster, load.rows);
  config::SqliteSettings settings;
  settings.unsynced_index = load.unsynced_index;
  tables::RunInfo run;
  run.run_id = "bench";
  const sqlite::ShardContext context{roster, settings, run, {}};
  const auto began = std::chrono::steady_clock::now();
  std::vector<sqlite::Shard> shards;
  for (std::size_t i = 0; i < file_count; ++i)
    shards.emplace_back(write::Target{(folders.output / ("shard-" + std::to_string(i) + ".db")).string()},
                        context);
  const std::size_t rows = fill(shards, readings, config::WriteSettings().batch_size);
  for (sqlite::Shard& shard : shards) shard.close(sqlite::Shard::Close::for_good);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - began;
  return static_cast<double>(rows) / elapsed.count();
}

}  // namespace fleet_sim::bench
