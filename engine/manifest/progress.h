// How far a run has come whose sink cannot be asked: the file progress.json in the data directory, from which
// `--resume` goes on. It is brought up to date about once a second, and never ahead of what the target has
// acknowledged; so a run that is resumed sends again what came after that. Main thread. What cannot be
// written is left for the caller to log.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/timestamp.h"
#include "write/found_rows.h"
#include "write/places.h"

namespace fleet_sim::manifest {

struct Progress {
  // By type of sensor: every reading that arrived before has been settled. Types of which nothing is known
  // are not there.
  std::map<std::string, Timestamp, std::less<>> complete_until = {};
  bool has_losses = false;  // but some of them were lost or skipped
};

// Puts it in place of what the file says, so that whoever reads sees the one or the other. Returns what went
// wrong; empty when nothing did. Only a durable one is sure to outlive a power failure.
std::string write_progress(const std::filesystem::path& path, const std::string& run_id,
                           const Progress& progress, bool durable);

// Nothing where the file is about another run, does not exist, or cannot be read: then all is sent again.
Progress read_progress(const std::filesystem::path& path, const std::string& run_id);
// The same as what the destinations of each writer need not be sent again.
std::vector<std::vector<write::FoundRows>> settled_rows(
    const std::filesystem::path& path, const std::string& run_id,
    const std::vector<std::vector<write::Target>>& targets);

}  // namespace fleet_sim::manifest
