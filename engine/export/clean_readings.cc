#include "export/clean_readings.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/plain_text.h"
#include "base/problems.h"
#include "data/data_directory.h"
#include "tables/schema.h"

namespace fleet_sim::exports {
namespace {

std::unique_ptr<const history::RebuiltRun> rebuilt(const std::vector<std::filesystem::path>& files,
                                                   const data::RecordedRun& run) {
  try {
    return std::make_unique<const history::RebuiltRun>(files, run);
  } catch (const InvalidInput& error) {
    throw InvalidInput(fmt::format("--clean: {}", error.what()));
  }
}

std::string place_of(const std::filesystem::path& file, const CleanReadings::Row& row) {
  return fmt::format("--clean: {}: reading {}, of {} at {},", file.string(), row.id, in_quotes(row.sensor),
                     timestamp_text(row.at));
}

}  // namespace

CleanReadings::CleanReadings(const std::vector<data::SourceShard>& shards,
                             const std::vector<std::filesystem::path>& files)
    : shards_(shards) {
  for (const data::SourceShard& shard : shards) {
    std::vector<Wrote>& wrote = wrote_.emplace_back();
    if (!shard.has_readings) continue;
    tables::Database database = data::open(shard);
    std::vector<std::string> central;
    const tables::StorageError error = tables::find_central_readings(database, central);
    if (!error.ok()) throw std::runtime_error(shard.file.string() + ": cannot be read: " + error.message);
    for (const data::RecordedRun& run : data::read_runs(database, shard.file)) {
      auto& known = runs_[run.run_id];
      if (known == nullptr) known = rebuilt(files, run);
      wrote.push_back({central.empty() ? run.first_reading_id : 0, known.get()});
    }
  }
}

batch::Values CleanReadings::values_of(const Row& row) const {
  return *run_of(row).clean_values(row.sensor, row.at);
}

// The latest that had begun by then and had the sensor: partitions of a fleet may write to one file at the
// same time.
const history::RebuiltRun& CleanReadings::run_of(const Row& row) const {
  const history::RebuiltRun* found = nullptr;
  for (const Wrote& wrote : std::views::reverse(wrote_[row.shard])) {
    if (wrote.first_reading_id > row.id || !wrote.run->had(row.sensor, row.at)) continue;
    if (found != nullptr) {
      throw InvalidInput(place_of(shards_[row.shard].file, row) +
                         " may be of several runs, and the file does not say of which");
    }
    found = wrote.run;
    if (wrote.first_reading_id > 0) break;
  }
  if (found == nullptr)
    throw InvalidInput(place_of(shards_[row.shard].file, row) + " is of no run that the file records");
  return *found;
}

}  // namespace fleet_sim::exports
