// Where `--resume` goes on, once it is known which run (resume.h): worked out from what its shards hold, so
// that no reading is missing and none is written twice. Main thread, while starting, with TBB's threads to
// read the shards. Throws InvalidInput for what a user has to change and std::runtime_error for a shard that
// cannot be read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/timestamp.h"
#include "config/config.h"
#include "data/found_shard.h"
#include "fleet/fleet.h"
#include "fleet/past_anomaly.h"
#include "fleet/profile_table.h"
#include "fleet/sensor_state.h"
#include "fleet/story.h"
#include "history/history.h"
#include "sqlite/shard_plan.h"
#include "sqlite/sqlite_sink.h"
#include "tables/schema.h"
#include "types/built_in_type.h"
#include "write/found_rows.h"
#include "write/places.h"

namespace fleet_sim::start {

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
