// The table `channel_info` of a shard: what the channels of its readings are, for whoever reads the file
// without the config that made it. A row for each, in the order of the columns. Errors are values; one thread
// at a time.
#pragma once

#include "tables/database.h"
#include "types/schema.h"

namespace fleet_sim::tables {

// Makes the table say this, whatever it said.
StorageError record_channels(Database& database, const types::Schema& schema);

// Adds to a schema what the file says of its channels. Where it says nothing, or speaks of others, the schema
// stays as it is.
StorageError read_channels(Database& database, types::Schema& schema);

}  // namespace fleet_sim::tables
