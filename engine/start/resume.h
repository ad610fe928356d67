// `--resume`: which run a data directory holds, and whether it can be resumed under the given config. What
// the run was is in its shards (run_record.h); what the files say now counts from where the shards end, which
// resumption.h works out. Main thread, while starting. Throws InvalidInput for what a user has to change and
// std::runtime_error for a shard that cannot be read.
#pragma once

#include <optional>

#include "base/problems.h"
#include "config/config.h"
#include "data/run_record.h"
#include "start/inputs.h"
#include "tables/schema.h"

namespace fleet_sim::start {

// Whether the sink keeps what a run is resumed from: more than its readings as text.
[[nodiscard]] bool keeps_runs(const config::Config& config);

// Whether they are in a server that keeps runs as files do.
[[nodiscard]] bool is_in_server(const config::Config& config);

// Whether a run is resumed from how far its manifest says that it has come (manifest/progress.h).
[[nodiscard]] bool keeps_progress(const config::Config& config);

// Whether a run goes on from where it could not write its last rows as it stopped, and writes them. SQLite's
// files have a record of such a loss (table run_losses), with which they are not resumed.
[[nodiscard]] bool resumes_behind_losses(const config::Config& config);

// The latest run of the partition in the place that `asked` names: in the data directory, with those behind
// that lie in another single file than database.path names; nothing where there is none. InvalidInput when it
// has lost or skipped rows, or when its record is not whole.
struct ResumableRun {
  tables::RunInfo info;
  data::RunRecord record;
};
std::optional<ResumableRun> find_run(const config::Config& asked);

// The config that it had last.
config::Config latest_config(const ResumableRun& run);

// Reports what of `config` has to be unchanged for the run to be resumed, and is not. What applies at once to
// a running fleet may differ.
void check_resumable(const config::Config& config, const config::Config& recorded, Problems& problems);

// Makes the fleet the one that the run has recorded, and notes whether the files and the config, which are in
// `inputs`, want something else. Reports identities that have nothing to do with the run, or that are
// not exactly its own where it has not recorded them.
void follow_fleet(Inputs& inputs, const data::RunRecord& record, Problems& problems);

}  // namespace fleet_sim::start
