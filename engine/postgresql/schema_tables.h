// The tables of a schema: what they are called, how they are made, and whether those that are there can be
// written to. `sensor_readings` has the columns of a shard and `run`, the number of the run in `run_info`,
// and so have `anomaly_events`, `fleet_events` and, where delivery is on, `deliveries`; a type other than the
// built-in one has a table of its own (Schema::readings_name). `sink_progress` has a row for each destination
// of a run, which every lot brings up to date in its own transaction. Made when missing, and never changed: a
// table may have more columns than these. Pure but for prepare_tables; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "postgresql/connection.h"
#include "types/schema.h"

namespace fleet_sim::postgresql {

// "schema"."table"
std::string qualified(std::string_view schema, std::string_view table);

// Within a transaction, which is left to the caller to end: makes what is missing, for readings of these
// types too, and refuses what is somebody else's or may not be written. The message says what to do.
SqlError prepare_tables(Connection& connection, std::string_view schema,
                        std::span<const types::Schema* const> types);

}  // namespace fleet_sim::postgresql
