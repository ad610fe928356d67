#include "start/adjustments.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <string_view>

#include "base/plain_text.h"
#include "base/text.h"
#include "explain/clipping.h"
#include "fleet/profile_table.h"
#include "model/anomaly.h"

namespace fleet_sim::start {
namespace {

// The sensors that something is true of, and how much at most.
struct Affected {
  std::uint64_t sensors = 0;
  std::string_view example;  // of which it is most
  double most = 0;

  void add(std::string_view id, double much) {
    ++sensors;
    if (much <= most) return;
    most = much;
    example = id;
  }

  [[nodiscard]] std::string text() const {
    return fmt::format("{} (such as {})", counted(sensors, "sensor", "sensors"), in_quotes(example));
  }
};

std::vector<std::string> longer_anomalies(const Inputs& inputs) {
  const config::Config& config = inputs.config;
  if (!config.anomalies.enabled) return {};
  PerAnomalyType<Affected> longer;
  Affected slower_swing;
  std::map<Rate, model::AnomalyTimes> times_at;  // by rate
  for (const std::uint32_t member : inputs.members) {
    const identity::Identity& sensor = inputs.identities.roster[member];
    const Rate rate = fleet::rate_of(inputs.identities.roster, sensor, config);
    const auto [entry, is_new] = times_at.try_emplace(rate);
    if (is_new) entry->second = model::resolve_times(config, rate);
    const model::AnomalyTimes& times = entry->second;
    for (std::size_t k = 0; k < anomaly_type_count; ++k) {
      const config::AnomalyTypeSettings& type = config.anomalies.types[k];
      const double configured = type.duration_seconds.value_or(rate.seconds()).min;
      const DurationRange& needed = times.duration[k];
      if (type.enabled && type.weight > 0 && needed.min > configured) longer[k].add(sensor.id, needed.min);
    }
    if (config.anomalies.types[index_of(AnomalyType::pattern)].enabled &&
        times.pattern_period > config.anomalies.pattern_period_seconds)
      slower_swing.add(sensor.id, times.pattern_period);
  }
  std::vector<std::string> lines;
  if (slower_swing.sensors > 0) {
    lines.push_back(fmt::format(
        "patterns of {} have a period of up to {} instead of {}: it takes {:.0f} readings to show one",
        slower_swing.text(), duration_text(slower_swing.most),
        duration_text(config.anomalies.pattern_period_seconds), model::fewest_readings_to_show));
  }
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    if (longer[k].sensors == 0) continue;
    const auto& seconds = config.anomalies.types[k].duration_seconds;
    const bool is_fixed = !seconds || seconds->is_fixed();
    lines.push_back(
        fmt::format("{} anomalies of {} last {} {} instead of {}: fewer readings would not show one",
                    anomaly_type_names[k], longer[k].text(), is_fixed ? "up to" : "at least",
                    duration_text(longer[k].most), seconds ? duration_text(seconds->min) : "one reading"));
  }
  return lines;
}

// The types of anomalies that a type of sensor would have if it had a channel for them, with commas.
std::string impossible_types(const config::Config& config, const types::SensorType& type) {
  std::string names;
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    const config::AnomalyTypeSettings& settings = config.anomalies.types[k];
    if (!settings.enabled || settings.weight == 0) continue;
    if (model::can_happen(config, type, static_cast<AnomalyType>(k))) continue;
    names += names.empty() ? "" : ", ";
    names += anomaly_type_names[k];
  }
  return names;
}

std::vector<std::string> impossible_anomalies(const Inputs& inputs) {
  if (!inputs.config.anomalies.enabled) return {};
  std::map<std::string_view, Affected> sensors_of;  // by type
  const identity::Roster& roster = inputs.identities.roster;
  for (const std::uint32_t member : inputs.members) {
    sensors_of[roster.text(roster[member].type)].add(roster[member].id, 1);
  }
  std::vector<std::string> lines;
  for (const auto& [type, sensors] : sensors_of) {
    const std::string names = impossible_types(inputs.config, (*inputs.types)[type]);
    if (names.empty()) continue;
    lines.push_back(fmt::format("{} of the type {} have no {} anomalies: it has no channel for them",
                                sensors.text(), in_quotes(type), names));
  }
  return lines;
}

// Where as many as the config wants per day do not fit into a day.
std::vector<std::string> rarer_anomalies(const Inputs& inputs) {
  const config::Config& config = inputs.config;
  if (!config.anomalies.enabled || config.anomalies.basis != config::AnomalyBasis::rate) return {};
  fleet::ProfileTable profiles(inputs.identities.roster, std::make_shared<const config::Config>(config),
                               inputs.types, 0);
  Affected rarer;
  for (const std::uint32_t member : inputs.members) {
    const identity::Identity& sensor = inputs.identities.roster[member];
    const double share = profiles.find_or_resolve(sensor).profile->steady_until.back();
    if (share > model::highest_anomaly_share * (1 - 1e-9)) rarer.add(sensor.id, 1);
  }
  if (rarer.sensors == 0) return {};
  return {
      fmt::format("anomalies of {} start less often than anomalies.per_day says: they already take {:.0f}% "
                  "of the readings, which is the limit",
                  rarer.text(), 100 * model::highest_anomaly_share)};
}

std::vector<std::string> clipped_channels(const Inputs& inputs) {
  std::map<std::string_view, Affected> clipped;  // by channel
  fleet::ProfileTable profiles(inputs.identities.roster,
                               std::make_shared<const config::Config>(inputs.config), inputs.types, 0);
  std::map<const model::Profile*, std::vector<double>> shares_of;
  for (const std::uint32_t member : inputs.members) {
    const identity::Identity& sensor = inputs.identities.roster[member];
    const model::Profile* profile = profiles.find_or_resolve(sensor).profile;
    const auto [entry, is_new] = shares_of.try_emplace(profile);
    for (const model::ChannelProfile& channel : profile->channels) {
      if (is_new) entry->second.push_back(explain::clipped_share(*profile, channel));
    }
    const auto channels = profiles.type_of(sensor).schema.channels();
    for (std::size_t c = 0; c < channels.size(); ++c) {
      const double share = entry->second[c];
      if (share > explain::tolerable_clipped_share) clipped[channels[c].name].add(sensor.id, share);
    }
  }
  std::vector<std::string> lines;
  for (const auto& [channel, sensors] : clipped) {
    lines.push_back(fmt::format(
        "{} of {} is clipped: up to {:.3g}% of its normal readings would lie beyond min or max, and read "
        "exactly min or max",
        channel, sensors.text(), 100 * sensors.most));
  }
  return lines;
}

}  // namespace

std::vector<std::string> find_adjustments(const Inputs& inputs) {
  std::vector<std::string> lines = longer_anomalies(inputs);
  for (const auto& find : {rarer_anomalies, impossible_anomalies, clipped_channels}) {
    std::ranges::move(find(inputs), std::back_inserter(lines));
  }
  return lines;
}

}  // namespace fleet_sim::start
