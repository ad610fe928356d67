// The configs that runs left in the shards they wrote, and what they promise: which share of its readings a
// sensor is to have anomalous. A config in a file is untrusted and read as a config file is; each distinct
// one is read once. Any thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/terms.h"
#include "config/config.h"
#include "report/tally.h"
#include "storage/data_directory.h"

namespace fleet_sim {

// The config that holds for all rows of a shard.
struct ShardConfig {
  const Config* config = nullptr;  // never null: the defaults where no run tells
  bool is_known = false;           // every run's config was read, and they promise the same
  std::string why_not;             // "its runs had different settings"
};

class RunConfigs {
 public:
  ShardConfig config_of(const std::vector<RecordedRun>& runs);

 private:
  // Null for a text that is no config.
  const Config* find_or_read(const std::string& text);

  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<const Config>, std::less<>> config_of_text_;
  const Config defaults_;
};

// The long-run share of due readings that are anomalous, by type, of sensors alike. `period` is what was seen
// of their spacing (0: nothing): with anomalies.basis `event` the share depends on the rate.
PerAnomalyType<double> expected_shares(const Config& config, const Traits& traits, Microseconds period);

}  // namespace fleet_sim
