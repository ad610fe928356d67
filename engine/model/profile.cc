#include "model/profile.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <optional>

namespace fleet_sim {
namespace {

constexpr double trend_change_at_end = 0.5;
constexpr double pattern_amplitude_share = 0.2;
constexpr Range standard_spike_factor{1.5, 3.0};
constexpr double standard_noise_factor = 0.10;
constexpr Behavior no_effect{};

template <class Table>
const Behavior& find_behavior(const Table& table, std::string_view name) {
  const auto found = table.find(name);
  return found == table.end() ? no_effect : found->second;
}

// The four behaviors of a sensor. Where one replaces a number, the first in this order that names it wins.
using FourBehaviors = std::array<const Behavior*, 4>;

FourBehaviors behaviors_of(const Config& config, const ProfileSource& source) {
  const Behaviors& tables = config.behaviors;
  return {&find_behavior(tables.firmware, canonical_firmware(source.firmware_version)),
          &find_behavior(tables.model, source.model),
          &find_behavior(tables.manufacturer, source.manufacturer),
          &find_behavior(tables.location, location_class(tables, source.location))};
}

template <class Member>
double product(const FourBehaviors& behaviors, Member member) {
  double value = 1;
  for (const Behavior* behavior : behaviors) value *= member(*behavior);
  return value;
}

template <class T>
T first_of(const FourBehaviors& behaviors, std::optional<T> Behavior::*member, T otherwise) {
  for (const Behavior* behavior : behaviors) {
    if (behavior->*member) return *(behavior->*member);
  }
  return otherwise;
}

template <std::size_t n>
std::array<double, n> cumulative_shares(const std::array<double, n>& weights) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::array<double, n> until{};
  double so_far = 0;
  for (std::size_t i = 0; i < n; ++i) until[i] = sum > 0 ? (so_far += weights[i]) / sum : 0;
  return until;
}

template <std::size_t n>
std::array<double, n> cumulative(const std::array<double, n>& parts) {
  std::array<double, n> until{};
  std::partial_sum(parts.begin(), parts.end(), until.begin());
  return until;
}

double share_of(const Config& config, const FourBehaviors& behaviors) {
  if (!config.anomalies.enabled) return 0;
  const double share =
      config.anomalies.probability * product(behaviors, [](const Behavior& b) { return b.probability; });
  return std::clamp(share, 0.0, highest_anomaly_share);
}

void resolve_signal(Profile& profile, const Config& config, const ProfileSource& source,
                    const FourBehaviors& behaviors) {
  for (std::size_t c = 0; c < channel_count; ++c) {
    const ChannelParameters& normal = source.normal_parameters[c];
    const double spread = product(behaviors, [c](const Behavior& b) { return b.spread[c]; });
    profile.channels[c] = {normal.mean, normal.std_dev * spread, normal.min, normal.max};
  }
  const double std_dev = source.normal_parameters[index_of(Channel::temperature)].std_dev;
  profile.daily_amplitude = std_dev * product(behaviors, [](const Behavior& b) { return b.daily; });
  for (const Behavior* behavior : behaviors) profile.work_hours_rise += std_dev * behavior->work_hours_rise;
  profile.utc_offset = config.clock.utc_offset;
}

void resolve_durations(Profile& profile, const Config& config, double readings_per_second) {
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    const double seconds = config.anomalies.types[k].duration_seconds.value_or(1 / readings_per_second);
    const double readings = seconds * readings_per_second;
    // Readings are due at 0, 1, 2 … periods from the onset; those before the duration's end are affected. The
    // small allowance keeps 30 s at 0.1/s at three readings although 30 · 0.1 is a little over 3.
    profile.readings_per_anomaly[k] =
        static_cast<std::uint64_t>(std::max(1.0, std::ceil(readings * (1 - 1e-12))));
    profile.duration[k] = std::max<Microseconds>(1, static_cast<Microseconds>(seconds * 1e6));
  }
}

// How often anomalies begin. With p_k the chance per reading that an unaffected sensor starts type k, n_k its
// readings and p = Σ p_k, the long-run share of anomalous readings is Σ p_k n_k / (1 - p + Σ p_k n_k).
//
// basis `reading`: that share is to be f, split by the weights w_k. Then p_k = f·w_k/n_k / (1 - f + f·Σ
// w_j/n_j), which is f·w_k/(n_k·(1-f)) onsets per unaffected reading, and is a probability for every f
// below 1. basis `event`: p_k = f·w_k.
void resolve_onsets(Profile& profile, const Config& config, const FourBehaviors& behaviors) {
  PerAnomalyType<double> weights{};
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    const AnomalyTypeSettings& type = config.anomalies.types[k];
    weights[k] =
        type.enabled ? type.weight * product(behaviors, [k](const Behavior& b) { return b.weights[k]; }) : 0;
  }
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  const double f = share_of(config, behaviors);
  if (sum <= 0 || f <= 0) return;

  PerAnomalyType<double> onset{};
  double per_reading = 0;  // Σ w_k/n_k
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    onset[k] = f * weights[k] / sum;
    if (config.anomalies.basis == AnomalyBasis::reading)
      onset[k] /= static_cast<double>(profile.readings_per_anomaly[k]);
    per_reading += weights[k] / sum / static_cast<double>(profile.readings_per_anomaly[k]);
  }
  if (config.anomalies.basis == AnomalyBasis::reading) {
    for (double& p : onset) p /= 1 - f + f * per_reading;
  }

  PerAnomalyType<double> affected{};
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    affected[k] = onset[k] * static_cast<double>(profile.readings_per_anomaly[k]);
  }
  const double p = std::accumulate(onset.begin(), onset.end(), 0.0);
  const double cycle = 1 - p + std::accumulate(affected.begin(), affected.end(), 0.0);
  for (double& share : affected) share /= cycle;
  profile.onset_until = cumulative(onset);
  profile.steady_until = cumulative(affected);
}

void resolve_severity(Profile& profile, const Config& config, const FourBehaviors& behaviors) {
  const double severity = product(behaviors, [](const Behavior& b) { return b.severity; });
  const Range factor = first_of(behaviors, &Behavior::spike_factor, standard_spike_factor);
  profile.spike_factor = {1 + (factor.min - 1) * severity, 1 + (factor.max - 1) * severity};
  profile.trend_change = trend_change_at_end * severity;
  profile.pattern_amplitude = pattern_amplitude_share * severity;
  profile.pattern_period = static_cast<Microseconds>(config.anomalies.pattern_period_seconds * 1e6);
  const double noise = first_of(behaviors, &Behavior::noise_factor, standard_noise_factor) * severity;
  for (std::size_t c = 0; c < channel_count; ++c) {
    profile.noise_factor[c] = noise * product(behaviors, [c](const Behavior& b) { return b.noise[c]; });
  }
  profile.channel_until =
      cumulative_shares(first_of(behaviors, &Behavior::channels, PerChannel<double>{1, 1, 1}));
}

}  // namespace

std::string_view location_class(const Behaviors& behaviors, std::string_view location) {
  std::string_view longest;
  for (const auto& [prefix, behavior] : behaviors.location) {
    if (prefix.size() >= longest.size() && location.starts_with(prefix)) longest = prefix;
  }
  return longest;
}

double anomaly_share(const Config& config, const ProfileSource& source) {
  return share_of(config, behaviors_of(config, source));
}

Profile resolve_profile(const Config& config, const ProfileSource& source) {
  const FourBehaviors behaviors = behaviors_of(config, source);
  Profile profile;
  resolve_signal(profile, config, source, behaviors);
  resolve_durations(profile, config, source.readings_per_second);
  resolve_onsets(profile, config, behaviors);
  resolve_severity(profile, config, behaviors);
  return profile;
}

}  // namespace fleet_sim
