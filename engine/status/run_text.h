// Turns snapshots into the text a person reads: the line of progress and the closing summary. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "status/snapshot.h"

namespace fleet_sim::status {

// One line without a break: rate since `before`, rows, lag, what waits, anomalies, time left. Where `width`
// columns do not hold all of it, what matters least is left out; the rate never is.
std::string progress_text(const Snapshot& now, const Snapshot& before, std::size_t width = std::string::npos);

// Several lines, each ended. `where` names the data directory or the null sink.
std::string summary_text(const Snapshot& snapshot, const std::string& where);

// A line of the summary of a run that has lost rows: how the same rows are made once more.
std::string losses_hint(std::uint64_t seed, Timestamp start, bool is_in_files);
// Or, where it can be resumed.
std::string resume_hint();

// The last line of a summary: what would have made the run faster; empty when the writer was not the limit,
// or more writers would not help.
std::string writers_hint(const Snapshot& snapshot);

}  // namespace fleet_sim::status
