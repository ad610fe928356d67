// Rows of a run that a shard lacks although it has later ones, as a row of `run_losses`: they could not be
// kept, or were skipped because the writers could not keep up. Without it, a file with rows after a gap would
// look like a file without a gap. A shard gets the row with the first rows it commits afterwards, in one
// transaction. What is lost at the very end leaves no gap, and is written when the run is resumed. The table
// is made when it is first needed.
#pragma once

#include <string>

#include "base/timestamp.h"
#include "tables/database.h"

namespace fleet_sim::tables {

// Records that rows of the run are missing, none of them due before `since`; an earlier record stays.
StorageError record_loss(Database& database, const std::string& run_id, Timestamp since);

// Whether the file says so.
StorageError has_losses(Database& database, const std::string& run_id, bool& answer);

}  // namespace fleet_sim::tables
