// What a killed run could no longer record: how many readings its open anomalies had affected. The next run's
// first flush into a file counts it there, for the last run of the same partition; runs before that one were
// completed in the same way, so nothing has to be remembered. It counts what is certain: no gap within the
// last second, where rows may be missing because they were no longer committed, and nothing where rows or
// events were lost or skipped before that (run_losses.h). Runs on the writer's thread within its transaction;
// errors are values.
//
// Bounded: it goes back from the run's last row until it has passed the beginning of every open event, and
// over `most_rows` rows at most. What it has not reached by then keeps the count it had.
#pragma once

#include <cstdint>
#include <string>

#include "tables/database.h"

namespace fleet_sim::tables {

// `run_id` is the run that has just been recorded in the file, with no rows yet.
StorageError complete_run_before(Database& database, const std::string& run_id,
                                 std::uint64_t most_rows = 2'000'000);

}  // namespace fleet_sim::tables
