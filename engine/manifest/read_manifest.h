// Reads the manifest of a run back (manifest.h). The files are ours, but anybody may have changed them: what
// cannot be read is thrown as InvalidInput, with the file and the line. Any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/timestamp.h"
#include "tables/schema.h"

namespace fleet_sim::manifest {

struct RecordedRun {
  tables::RunInfo run;
  std::string sink;
  bool has_ended = false;          // and its books are known: …
  std::optional<Timestamp> until;  // every reading due before has been taken; none: not recorded
  std::uint64_t due = 0;
  std::uint64_t skipped = 0;
  std::uint64_t written = 0;
  std::uint64_t lost = 0;
  std::uint64_t lost_at_stop = 0;  // of these, behind all that was written
  std::uint64_t rejected = 0;
  std::uint64_t unconfirmed = 0;
};

// Nothing where there is no such file.
std::optional<RecordedRun> find_run(const std::filesystem::path& path);

// A line of sensors.jsonl: a version of an identity, or the removal of a sensor.
struct SensorLine {
  Timestamp at = 0;             // from then on
  std::string_view identity;    // as JSON; empty: removed
  std::string_view removed_id;  // as JSON
};

// One after the other, in the order they happened. The views last as long as the call.
void read_sensors(const std::filesystem::path& path, const std::function<void(const SensorLine&)>& take);

}  // namespace fleet_sim::manifest
