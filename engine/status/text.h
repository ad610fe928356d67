// Turns snapshots into the text a person reads: the line of progress and the closing summary. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "status/snapshot.h"

namespace fleet_sim {

// "12,345,678"
std::string grouped(std::uint64_t n);

// "0.8 ms", "1.25 s", "3 min 20 s", "2 d 4 h": in whatever units fit.
std::string duration_text(double seconds);

// "46.2 MB"
std::string bytes_text(std::uint64_t bytes);

// One line without a break: rate since `before`, rows, lag, what waits, anomalies, time left. Where `width`
// columns do not hold all of it, what matters least is left out; the rate never is.
std::string progress_text(const Snapshot& now, const Snapshot& before, std::size_t width = std::string::npos);

// Several lines, each ended. `where` names the data directory or the null sink.
std::string summary_text(const Snapshot& snapshot, const std::string& where);

// The last line of a summary: what would have made the run faster; empty when the writer was not the limit,
// or more writers would not help.
std::string writers_hint(const Snapshot& snapshot);

}  // namespace fleet_sim
