// The configs that runs left in the shards they wrote, and what they promise: the share of a sensor's
// readings that is anomalous. A config in a file is untrusted and read as a config file is; each distinct one
// is read once. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>
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

// From when on rows were made under a config. The first era has no beginning.
struct ConfigEra {
  Timestamp from = std::numeric_limits<Timestamp>::min();
  const config::Config* config = nullptr;
  const types::Catalog* types = nullptr;
};

// The configs that hold for the rows of a shard, and the types of sensor under them.
struct ShardConfig {
  static constexpr std::size_t most_eras = 16;

  const config::Config* config = nullptr;  // the latest; never null: the defaults where no run tells
  const types::Catalog* types = nullptr;   // likewise: the built-in type alone
  std::vector<ConfigEra> eras = {};        // in their order, neighbors promise different shares; never empty
  bool is_known = false;                   // every config was read, and it is known which holds when
  std::string why_not;                     // "its runs had different settings"
};

class RunConfigs {
 public:
  // Of runs with their reloads. A run that was reloaded with settings that promise something else has an era
  // for each; if runs promise different things, it is not known which rows are whose.
  ShardConfig config_of(const std::vector<RecordedRun>& runs);

  // Null for a text that is not a config.
  const config::Config* find_or_read_config(const std::string& text);

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

// The same, computed once for all sensors that have the same traits, but for their places within a class.
// Borrows configs and types. One thread at a time.
class ExpectedShares {
 public:
  // Valid as long as this is.
  const PerAnomalyType<double>& find(const config::Config& config, const Traits& traits, Microseconds period,
                                     const types::SensorType& type);

 private:
  using Key = std::tuple<const config::Config*, const types::SensorType*, double,  // readings per second
                         std::array<std::string, trait_count>>;
  std::map<Key, PerAnomalyType<double>> known_;
};

}  // namespace fleet_sim::data
