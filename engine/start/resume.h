// `--resume`: which run a data directory holds, whether it can be resumed under the given config, and
// from where. What the run was is in its shards (run_record.h); what the files say now counts from
// where the shards end. Main thread, while starting. Throws InvalidInput for what a user has to change and
// std::runtime_error for a shard that cannot be read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/problems.h"
#include "config/config.h"
#include "data/found_shard.h"
#include "data/run_record.h"
#include "fleet/fleet.h"
#include "fleet/past_anomaly.h"
#include "fleet/profile_table.h"
#include "fleet/sensor_state.h"
#include "fleet/story.h"
#include "history/history.h"
#include "sqlite/shard_plan.h"
#include "sqlite/sqlite_sink.h"
#include "start/inputs.h"
#include "tables/schema.h"
#include "types/built_in_type.h"
#include "write/found_rows.h"
#include "write/places.h"

namespace fleet_sim::start {

// Whether the sink keeps what a run is resumed from: more than its readings as text.
[[nodiscard]] bool keeps_runs(const config::Config& config);

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

// Where a run continues: the moment of the first reading that may be missing, what the fleet was then, what
// its sensors were in the middle of, what happens to it from there on, and what each shard has.
struct Resumption {
  using FoundShards = std::vector<std::unique_ptr<data::FoundShard>>;  // of one writer

  Timestamp moment;
  std::uint64_t due_before = 0;  // readings of the run that are due before the moment
  std::size_t reloads = 0;       // of the history, at the moment or before
  fleet::PastAnomalies past;
  fleet::Lives lives;
  std::vector<fleet::Injection> injections;          // of then or later …
  std::vector<fleet::Injection> earlier_injections;  // … and of before
  fleet::LateSeats late;           // readings of before the moment that arrive later, and have done so
  std::vector<FoundShards> found;  // per writer, as in the plan
  std::vector<std::vector<write::FoundRows>> found_rows;  // or, of a run that is replayed, its rows alone
  Timestamp last = earliest_timestamp;                    // when the last reading that is there arrived
  Timestamp all_new_from = earliest_timestamp;            // no shard tells of then or later
  std::vector<std::shared_ptr<fleet::ProfileTable>> profiles;  // that the lives point into
  std::shared_ptr<const timeline::Script> script;  // that the fleet lives by then; none: there is none
  fleet::PastStories stories;                      // what it has made of the sensors so far
};

// Reads what a shard of the run holds: by default, its file. Any thread.
using ReadShard = std::function<std::unique_ptr<data::FoundShard>(
    write::Place place, const write::Target& target, const data::FindSensor& find_sensor,
    const write::FoundRows::SensorOf& sensor_of)>;

// That of the sink; none for files.
ReadShard shard_reader(const config::Config& config, const tables::RunInfo& run,
                       const identity::Roster& roster, const write::Places& places);

// `plan` has a place for every identity of the history, and the roster knows the texts of its configs
// (timeline::note_texts).
Resumption plan_resumption(const identity::Roster& roster, const sqlite::ShardPlan& plan,
                           const tables::RunInfo& run, const history::History& history,
                           std::shared_ptr<const types::Catalog> types = types::built_in_types(),
                           const ReadShard& read_shard = {});

// The same for text and line protocol, which do not tell of anomalies under way: the run is computed again
// from its start, and the writers leave out what is there.
Resumption plan_replay(const identity::Roster& roster, const sqlite::ShardPlan& plan,
                       const tables::RunInfo& run, const config::Config& config);

// What the writer of these shards needs to know: the files there are, and the rows it need not write again.
// No shards: a run that begins.
sqlite::ExpectedFiles found_files(const std::vector<write::Target>& targets,
                                  const Resumption::FoundShards& found);
std::vector<write::FoundRows> take_rows(Resumption::FoundShards found);

}  // namespace fleet_sim::start
