// Deletes the oldest rows of a shard in short transactions, for retention. Readings go from the front, in the
// order of their ids: a prefix, found and deleted without an index and without a scan. It ends before the
// first one that is to stay, because it is too young, or not synced, so a row that nobody collects holds back
// those behind it.
//
// An event goes once it has ended and none of its readings can be left. One that a run left open stays, and
// in a shard whose events are collected, one that has not been (the table collected_events).
//
// What delivery did to readings goes with them: a row of `deliveries` once the reading has arrived, or would
// have.
//
// The last reading, the last event and the last of these always stay, because new ids follow the highest; and
// so does what came in the seconds before, where `--resume` continues. Errors are values.
#pragma once

#include <cstdint>

#include "config/config.h"
#include "tables/database.h"
#include "tables/deletions.h"

namespace fleet_sim::sqlite {

// How many readings a transaction deletes at most, and how many events: a few milliseconds of the write lock.
inline constexpr std::uint32_t most_rows_deleted_at_once = 2'000;

// Bytes of the file that are in use: the size to which it would shrink. New rows take the place of deleted
// ones.
std::uint64_t used_bytes(tables::Database& database);

struct DeletedRows {
  std::uint64_t readings = 0;
  std::uint64_t events = 0;
  bool held_back = false;  // the oldest reading that is to go is not synced
};

// One transaction, or none when no reading is to go. `most_rows` as above; tests take fewer.
tables::StorageError delete_oldest(tables::Database& database, const config::RetentionSettings& settings,
                                   DeletedRows& deleted, std::uint32_t most_rows = most_rows_deleted_at_once);

}  // namespace fleet_sim::sqlite
