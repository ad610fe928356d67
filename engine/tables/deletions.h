// What retention has deleted from a shard, as the one row of `deletions`: readings are missing from the
// front, in the order of their ids, so that the last id and its time say it all. The row changes in the
// transaction that deletes. The table is made when it is first needed.
#pragma once

#include <cstdint>
#include <string>

#include "tables/database.h"

namespace fleet_sim::tables {

struct Deletions {
  std::string until;                 // the latest due time among the readings deleted last
  std::int64_t last_reading_id = 0;  // readings with this id and lower ones are deleted; 0: none
  std::uint64_t readings = 0;        // in all
  std::uint64_t events = 0;
};

// Adds what has just been deleted to what the file says; within the same transaction.
StorageError record_deletions(Database& database, const Deletions& more);

// What the file says; all zero where nothing was deleted.
StorageError read_deletions(Database& database, Deletions& deletions);

}  // namespace fleet_sim::tables
