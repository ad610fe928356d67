// Writes a planned fleet as identity files: one per sensor in a folder, or one line per sensor. What is there
// already and holds the same is left as it is; if any name holds something else, nothing is written at all.
// Runs on the calling thread and oneTBB's workers, in bounded memory. Throws what new_file.h throws.
#pragma once

#include <string>

#include "generate/generate_fleet.h"

namespace fleet_sim::generate {

// `out` is a folder, a .jsonl file, or - for standard output.
void write_fleet(const PlannedFleet& fleet, const std::string& out);

}  // namespace fleet_sim::generate
