// Rows of a run that a shard lacks although it has later ones, as rows of `run_losses`: they could not be
// kept, or were skipped because the writers could not keep up. Without it, a file with rows after a gap would
// look like a file without a gap. Each row is a span of time, from the due time of the first such reading to
// that of the last. A shard gets it with the first rows that it commits afterwards, in one transaction. What
// is lost at the very end leaves no gap, and is written when the run is resumed. The table is made when it is
// first needed.
#pragma once

#include <string>

#include "base/ledger.h"
#include "tables/database.h"

namespace fleet_sim::tables {

// Records the loss; one that is there with the same reason and beginning is brought up to date.
StorageError record_loss(Database& database, const std::string& run_id, const std::string& shard,
                         const Loss& loss);

// Whether the file says so.
StorageError has_losses(Database& database, const std::string& run_id, bool& answer);

}  // namespace fleet_sim::tables
