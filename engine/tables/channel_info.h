// The table `channel_info` of a shard: what the channels of its readings are, for whoever reads the file
// without the config that made it. A row for each, in the order of the columns. Errors are values; one thread
// at a time.
#pragma once

#include <string>
#include <string_view>

#include "tables/database.h"
#include "types/schema.h"

namespace fleet_sim::tables {

// Makes the table say this, whatever it said.
StorageError record_channels(Database& database, const types::Schema& schema);

// What lets a connection to a central database, which has the channels of several types, see those of one:
// SQL that makes a temporary view. The type's name is one that SQL takes as it stands.
std::string channels_view(std::string_view type);

// Adds to a schema what the file says of its channels. Where it says nothing, or speaks of others, the schema
// stays as it is.
StorageError read_channels(Database& database, types::Schema& schema);

}  // namespace fleet_sim::tables
