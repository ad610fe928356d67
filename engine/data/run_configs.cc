#include "data/run_configs.h"

#include <cmath>

#include "base/problems.h"
#include "config/load_config.h"
#include "fleet/profile_table.h"
#include "model/profile.h"

namespace fleet_sim::data {
namespace {

bool promise_the_same(const config::Config& a, const config::Config& b) {
  return a.anomalies == b.anomalies && a.behaviors == b.behaviors && a.clock.zone == b.clock.zone &&
         a.simulation.rate == b.simulation.rate && a.types == b.types;
}

// The config's rate, unless the sensor was seen to have one of its own.
double rate_of(const config::Config& config, Microseconds period) {
  constexpr double rounding = 0.01;  // a period is known to the microsecond
  const double rate = config.simulation.rate.per_second();
  if (period <= 0) return rate;
  const double seen = 1e6 / static_cast<double>(period);
  return std::abs(seen - rate) <= rounding * rate ? rate : seen;
}

}  // namespace

ShardConfig RunConfigs::config_of(const std::vector<RecordedRun>& runs) {
  ShardConfig shard{&defaults_, types::built_in_types().get(), false, "no run is recorded"};
  if (runs.empty()) return shard;
  shard.is_known = true;
  shard.why_not.clear();
  const config::Config* first = nullptr;
  for (const RecordedRun& run : runs) {
    const Read* read = find_or_read(run.config);
    if (read == nullptr) return {shard.config, shard.types, false, "a run's config cannot be read"};
    if (first == nullptr) first = &read->config;
    shard.config = &read->config;
    shard.types = read->types.get();
    if (!promise_the_same(*first, read->config)) shard.is_known = false;
    if (run.reload_count > 0)
      return {shard.config, shard.types, false, "a run was reloaded with other settings"};
  }
  if (!shard.is_known) shard.why_not = "its runs had different settings";
  return shard;
}

const RunConfigs::Read* RunConfigs::find_or_read(const std::string& text) {
  const std::lock_guard lock(mutex_);
  const auto [entry, is_new] = read_of_text_.try_emplace(text, nullptr);
  if (is_new) {
    Problems problems;
    config::Config config = config::read_config(text, "run_info", problems);
    if (problems.empty()) {
      auto types = fleet::types_under(config, types::built_in_types());
      entry->second = std::make_unique<const Read>(Read{std::move(config), std::move(types)});
    }
  }
  return entry->second.get();
}

PerAnomalyType<double> expected_shares(const config::Config& config, const Traits& traits,
                                       Microseconds period, const types::SensorType& type) {
  const model::Profile profile = model::resolve_profile(
      config, {traits[index_of(Trait::firmware)], traits[index_of(Trait::model)],
               traits[index_of(Trait::manufacturer)], traits[index_of(Trait::location)],
               rate_of(config, period), model::normal_parameters(config, type), nullptr, &type});
  PerAnomalyType<double> shares = profile.steady_until;
  for (std::size_t k = anomaly_type_count - 1; k > 0; --k) shares[k] -= shares[k - 1];
  return shares;
}

}  // namespace fleet_sim::data
