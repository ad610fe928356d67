// The processes that have resumed a run, as rows of `run_resumptions`. A shard gets the row with the first
// rows that such a process commits, in one transaction, so that no two processes ever commit the same bytes.
// After a power failure a write-ahead log may lack a part in its middle: SQLite then continues before the
// gap, and a resumed run writes there what was there before. If that were the same byte for byte, the log
// beyond the gap would fit again, and its rows would be back although they are also being rewritten. The
// table is made when it is first needed.
#pragma once

#include <string>

#include "base/timestamp.h"
#include "tables/database.h"

namespace fleet_sim::tables {

// Records that a process resumed the run at `resumed_at`, by the wall clock; an existing row stays.
StorageError record_resumption(Database& database, const std::string& run_id, Timestamp resumed_at);

}  // namespace fleet_sim::tables
