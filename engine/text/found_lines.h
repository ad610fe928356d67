// What a file of text holds already of a run that is resumed: read backward from its end, for as long as some
// type of sensor has not been read a second back from its last line. Lines that are not ours are passed over.
// While starting; memory: the last second of lines, and an entry for each event. Throws std::system_error.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <vector>

#include "config/config.h"
#include "identity/identity.h"
#include "write/found_rows.h"
#include "write/places.h"

namespace fleet_sim::text {

// For each shard of the one writer of such a sink. Every identity of the roster has a place.
std::vector<write::FoundRows> find_lines(const config::Config& config, const identity::Roster& roster,
                                         const write::Places& places, std::size_t shards);

// Where the last whole line of a file ends; its size where it cannot be read.
off_t end_of_whole_lines(int descriptor, off_t size);

}  // namespace fleet_sim::text
