// The run that a PostgreSQL server holds, for `--resume`: what find_run and the planner of a resumption read
// from shards otherwise. Main thread, while starting; reading a shard, any thread. Throws NoStorage when the
// server does not answer, std::runtime_error for what it refuses, and InvalidInput for a record that is not
// whole.
#pragma once

#include <memory>
#include <optional>

#include "config/config.h"
#include "identity/identity.h"
#include "start/resume.h"
#include "start/resumption.h"
#include "types/catalog.h"
#include "write/places.h"

namespace fleet_sim::start {

// The run that run.json in the data directory tells of or, if the server does not have that, its latest one
// of the partition; nothing where there is none. InvalidInput when it has lost or skipped rows.
std::optional<ResumableRun> find_stored_run(const config::Config& asked);

// Reads what the server holds for each destination of the run, which no other process commits to from now on.
ReadShard stored_shards(const config::Config& config, const tables::RunInfo& run,
                        const identity::Roster& roster, const write::Places& places);

}  // namespace fleet_sim::start
