// What the readings in the shards of an export would have been without anomalies, worked out from what the
// runs that wrote them have recorded. An immutable value, made by one thread; afterwards any thread asks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/timestamp.h"
#include "batch/values.h"
#include "data/source.h"
#include "history/rebuilt_run.h"

namespace fleet_sim::exports {

class CleanReadings {
 public:
  // `files` are all that may tell what the runs were, those of `shards` among them. Borrows the shards.
  // Throws InvalidInput for a run that cannot be built again, and else as source.h says.
  CleanReadings(const std::vector<data::SourceShard>& shards,
                const std::vector<std::filesystem::path>& files);

  // A row of a shard.
  struct Row {
    std::size_t shard;  // its place among the shards
    std::int64_t id;
    std::string_view sensor;
    Timestamp at;
  };

  // The values of its channels; throws InvalidInput for a row that no run, or no single one, can have
  // written.
  [[nodiscard]] batch::Values values_of(const Row& row) const;

 private:
  // A run that has written to a shard.
  struct Wrote {
    std::int64_t first_reading_id;  // 0: not known, as in a central database
    const history::RebuiltRun* run;
  };

  [[nodiscard]] const history::RebuiltRun& run_of(const Row& row) const;

  const std::vector<data::SourceShard>& shards_;
  std::map<std::string, std::unique_ptr<const history::RebuiltRun>, std::less<>> runs_;  // by id
  std::vector<std::vector<Wrote>> wrote_;  // to each shard, in their order
};

}  // namespace fleet_sim::exports
