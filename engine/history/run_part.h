// A run, or a partition of one, as its data directory or its manifest records it: what it takes to carry it
// out again, and what it lacks itself. Read while starting, by one thread; a value afterwards. Throws
// InvalidInput for what a user has to put right, and std::runtime_error for a file that cannot be read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/timestamp.h"
#include "data/run_record.h"
#include "model/anomaly.h"
#include "tables/schema.h"

namespace fleet_sim::history {

// An anomaly that somebody asked for while the run ran.
struct Asked {
  std::string sensor;
  std::string channel;  // by name; empty: it affects several, or none
  model::AnomalyRequest request;
  Timestamp at = 0;
};

// A span in which the run itself may lack rows.
struct Lacking {
  std::string reason;
  Timestamp since = earliest_timestamp;
  Timestamp until = latest_timestamp;  // inclusive
  std::optional<std::uint64_t> rows;   // none: any number
};

// A run that does not say where it ended: its files know what it wrote of the sensors of each, but for their
// last second. A sensor whose file is not there has no row.
struct BrokenOff {
  std::map<std::string, Timestamp> last_rows;  // by the name of the file: when its last row was due, or came
};

struct RunPart {
  std::string name;  // of the place it was found in
  tables::RunInfo run;
  data::RunRecord record;
  std::vector<Asked> asked;
  std::vector<Lacking> lacking;
  std::optional<BrokenOff> broken_off = {};
  std::string sensors_lost = {};       // what to say of a record that lacks some that the run began with
  Timestamp until = latest_timestamp;  // every reading due before has been taken; latest: not recorded
  Timestamp judged_until = latest_timestamp;  // no reading due then or later is asked for
  bool goes_on = false;  // for all that is known: what was due before `judged_until` may arrive later
};

struct RunChoice {
  std::string run_id;              // empty: the only one
  std::optional<Timestamp> until;  // where it ended, if nothing says so
};

// "partition 2/3 is not among the runs: …"; empty when all parts of the fleet are there.
std::string missing_partitions(const std::vector<RunPart>& parts);

// Of each place: a data directory, or a run.json. Several are parts of one fleet.
std::vector<RunPart> find_run_parts(const std::vector<std::filesystem::path>& places,
                                    const RunChoice& choice);

}  // namespace fleet_sim::history
