// Who the sensors of a shard are, as rows of `sensors` for those who use the data: a row for each version of
// an identity, with the time from which it applied. The truth is in the identities that the run has; these
// rows are written from them and never read back by a run, which keeps its own record (run_identities.h).
//
// A shard gets the rows of its own sensors with the first rows that it commits afterwards, in one
// transaction; a version that already applies is not written again. Errors are values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/timestamp.h"
#include "identity/identity.h"
#include "tables/database.h"

namespace fleet_sim::tables {

struct SensorVersion {
  std::uint32_t identity = 0;  // in the roster
  Timestamp since = 0;
};

// Where there is none.
StorageError make_sensors(Database& database);

// Makes the table too.
StorageError record_sensors(Database& database, const identity::Roster& roster,
                            std::vector<SensorVersion> versions);

// The columns of the table, in order.
const std::vector<std::string>& sensor_columns();

}  // namespace fleet_sim::tables
