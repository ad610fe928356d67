// The configs that runs left in the shards they wrote, and what they promise: the share of a sensor's
// readings that is anomalous. A config in a file is untrusted and read as a config file is; each distinct one
// is read once. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/terms.h"
#include "base/timestamp.h"
#include "config/config.h"
#include "data/data_directory.h"
#include "types/built_in_type.h"
#include "types/catalog.h"

namespace fleet_sim::data {

// What readings are grouped by, in the order of the columns.
enum class Trait : std::uint8_t { firmware, model, manufacturer, location };
inline constexpr std::size_t trait_count = 4;
using Traits = std::array<std::string_view, trait_count>;

constexpr std::size_t index_of(Trait trait) {
  return static_cast<std::size_t>(trait);
}

// The config that holds for all rows of a shard, and the types of sensor under it.
struct ShardConfig {
  const config::Config* config = nullptr;  // never null: the defaults where no run tells
  const types::Catalog* types = nullptr;   // likewise: the built-in type alone
  bool is_known = false;                   // every run's config was read, and they promise the same
  std::string why_not;                     // "its runs had different settings"
};

class RunConfigs {
 public:
  ShardConfig config_of(const std::vector<RecordedRun>& runs);

 private:
  // Null for a text that is not a config.
  struct Read {
    config::Config config;
    std::shared_ptr<const types::Catalog> types;
  };
  const Read* find_or_read(const std::string& text);

  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<const Read>, std::less<>> read_of_text_;
  const config::Config defaults_;
};

// The long-run share of due readings that are anomalous, by type of anomaly, for sensors with the same
// traits. `period` is their observed spacing (0: unknown): with anomalies.basis `event` the share depends on
// the rate.
PerAnomalyType<double> expected_shares(const config::Config& config, const Traits& traits,
                                       Microseconds period,
                                       const types::SensorType& type = types::built_in_type());

}  // namespace fleet_sim::data
