// `--resume`: which run a data directory holds, whether it can go on under the config that is asked for, and
// where it goes on. Main thread, while starting. Throws InvalidInput for what a user has to change and
// std::runtime_error for a shard that cannot be read.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/problems.h"
#include "config/config.h"
#include "data/found_shard.h"
#include "fleet/cohort.h"
#include "run/inputs.h"
#include "sqlite/schema.h"
#include "sqlite/shard_plan.h"
#include "sqlite/sqlite_sink.h"
#include "write/found_rows.h"

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
  using FoundShards = std::vector<std::unique_ptr<data::FoundShard>>;  // of one writer

  Timestamp moment;
  fleet::PastAnomalies past;
  std::vector<FoundShards> found;               // per writer, as in the plan
  Timestamp all_new_from = earliest_timestamp;  // no shard has a row due then or later
};
Resumption plan_resumption(const Inputs& inputs, const sqlite::ShardPlan& plan, const sqlite::RunInfo& run);

// What the writer of these shards needs to know: the files there are, and the rows it need not write again.
// No shards: a run that begins.
sqlite::ExpectedFiles found_files(const std::vector<std::string>& paths,
                                  const Resumption::FoundShards& found);
std::vector<write::FoundRows> take_rows(Resumption::FoundShards found);

}  // namespace fleet_sim::run
