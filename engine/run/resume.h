// `--resume`: which run a data directory holds, whether it can go on under the config that is asked for, and
// where it goes on. Main thread, while starting. Throws InvalidInput for what a user has to change and
// std::runtime_error for a shard that cannot be read.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/problems.h"
#include "config/config.h"
#include "fleet/cohort.h"
#include "run/inputs.h"
#include "sqlite/found_rows.h"
#include "sqlite/schema.h"
#include "sqlite/shard_plan.h"

namespace fleet_sim::run {

// The latest run of the partition in the data directory of `asked`, with those behind that lie in another
// single file than database.path names; nothing where there is none. InvalidInput when it was reloaded or has
// lost or skipped rows.
std::optional<sqlite::RunInfo> find_run(const config::Config& asked);

// The config that the run was begun with, with the seed and the start that it had.
config::Config recorded_config(const sqlite::RunInfo& run);

// Reports what of `config` must be as it was for the run to go on, and is not.
void check_resumable(const config::Config& config, const config::Config& recorded, Problems& problems);
void check_same_fleet(const Inputs& inputs, const sqlite::RunInfo& run, Problems& problems);

// Where a run goes on: the moment of the first reading that may be missing, what its sensors were in the
// middle of, and what each shard has from there on.
struct Resumption {
  Timestamp moment;
  fleet::PastAnomalies past;
  std::vector<std::vector<std::unique_ptr<sqlite::FoundRows>>> found;  // per writer and shard, as in the plan
  Timestamp all_new_from = earliest_timestamp;                         // no shard has a row due then or later
};
Resumption plan_resumption(const Inputs& inputs, const sqlite::ShardPlan& plan, const sqlite::RunInfo& run);

}  // namespace fleet_sim::run
