#include "data/run_configs.h"

#include <algorithm>
#include <cmath>
#include <utility>

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
  ConfigEra latest{.config = &defaults_, .types = types::built_in_types().get()};
  std::vector<ConfigEra> eras;
  std::string why_not = runs.empty() ? "no run is recorded" : "";
  const auto add = [&](const std::string& text, Timestamp from) {
    const Read* read = find_or_read(text);
    if (read == nullptr) {
      why_not = "a run's config cannot be read";
      return;
    }
    latest = {from, &read->config, read->types.get()};
    if (eras.empty() || !promise_the_same(*eras.back().config, read->config)) eras.push_back(latest);
  };
  for (const RecordedRun& run : runs) {
    add(run.config, run.start);
    for (const tables::RunReload& reload : run.reloads) add(reload.config, reload.at);
  }
  if (eras.size() > 1 && runs.size() > 1) why_not = "its runs had different settings";
  if (eras.size() > ShardConfig::most_eras) why_not = "it was reloaded with other settings too often";
  if (!why_not.empty()) eras = {latest};
  eras.front().from = ConfigEra().from;
  return {latest.config, latest.types, std::move(eras), why_not.empty(), std::move(why_not)};
}

const config::Config* RunConfigs::find_or_read_config(const std::string& text) {
  const Read* read = find_or_read(text);
  return read == nullptr ? nullptr : &read->config;
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

const PerAnomalyType<double>& ExpectedShares::find(const config::Config& config, const Traits& traits,
                                                   Microseconds period, const types::SensorType& type) {
  Key key{&config, &type, rate_of(config, period), {}};
  auto& texts = std::get<std::array<std::string, trait_count>>(key);
  std::ranges::copy(traits, texts.begin());
  std::string& location = texts[index_of(Trait::location)];
  location = model::location_class(config.behaviors, location);
  const auto [entry, is_new] = known_.try_emplace(std::move(key));
  if (is_new) entry->second = expected_shares(config, traits, period, type);
  return entry->second;
}

}  // namespace fleet_sim::data
