// Turns snapshots into the text a person reads: the line of progress and the closing summary. Pure.
#pragma once

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

// One line without a break: rate since `before`, rows, lag, what waits, anomalies, time left.
std::string progress_text(const Snapshot& now, const Snapshot& before);

// Several lines, each ended. `where` names the data directory or the null sink.
std::string summary_text(const Snapshot& snapshot, const std::string& where);

}  // namespace fleet_sim
