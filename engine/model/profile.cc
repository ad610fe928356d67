#include "model/profile.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <optional>
#include <variant>

#include "model/anomaly.h"
#include "model/resolution.h"

namespace fleet_sim::model {
namespace {

const config::Behavior no_effect;

FoundBehavior find_behavior(const config::BehaviorEntries& table, std::string_view name) {
  const auto found = table.find(name);
  if (found == table.end()) return {&no_effect, std::nullopt};
  return {&found->second, found->first};
}

std::vector<double> cumulative_shares(const std::vector<double>& weights) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<double> until(weights.size());
  double so_far = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) until[i] = sum > 0 ? (so_far += weights[i]) / sum : 0;
  return until;
}

template <std::size_t n>
std::array<double, n> cumulative(const std::array<double, n>& parts) {
  std::array<double, n> until{};
  std::partial_sum(parts.begin(), parts.end(), until.begin());
  return until;
}

void set_signal(Profile& profile, const ProfileNumbers<NoTrail>& numbers, const types::SensorType& type) {
  for (std::size_t c = 0; c < numbers.channels.size(); ++c) {
    const ChannelNumbers<NoTrail>& channel = numbers.channels[c];
    ChannelProfile& one = profile.channels.emplace_back(kind_of(type, c));
    one.mean = channel.mean.value();
    one.deviation = channel.deviation.value();
    one.min = channel.min.value();
    one.max = channel.max.value();
    one.pattern = type.pattern[c];
  }
  if (type.daily_channel) profile.channels[index_of(*type.daily_channel)].daily = 1;
  profile.daily_amplitude = numbers.daily_amplitude.value();
  profile.work_hours_rise = numbers.work_hours_rise.value();
}

// The type's declaration with the sensor's own numbers.
std::shared_ptr<const sources::Signal> signal_of(const types::SensorType& type,
                                                 const ProfileNumbers<NoTrail>& numbers,
                                                 const zones::Zone& zone) {
  if (!type.signal) return nullptr;
  types::SignalDeclaration declaration = *type.signal;
  for (std::size_t c = 0; c < numbers.channels.size(); ++c) {
    auto* gauge = std::get_if<types::Gauge>(&declaration.channels[c].kind);
    if (gauge == nullptr) continue;
    const ChannelNumbers<NoTrail>& channel = numbers.channels[c];
    gauge->base = channel.mean.value();
    gauge->white = channel.deviation.value();
    gauge->range = {channel.min.value(), channel.max.value()};
    for (std::size_t i = 0; i < gauge->terms.size(); ++i) gauge->terms[i].gain = channel.gains[i].value();
  }
  return std::make_shared<const sources::Signal>(declaration, zone);
}

void set_agings(Profile& profile, const ProfileSource& source) {
  const auto& declaration = source.type->signal;
  if (!declaration || declaration->agings.empty()) return;
  profile.agings = std::make_shared<const Agings>(*declaration);
  profile.aging_names = source.aging_names;
  profile.aging_names.resize(profile.agings->size());
}

void set_severity(Profile& profile, const ProfileNumbers<NoTrail>& numbers) {
  profile.spike_factor = {numbers.spike_factor_min.value(), numbers.spike_factor_max.value()};
  profile.strength = values_of(numbers.strengths);
  profile.noise_factor = values_of(numbers.noise_factor);
  profile.channel_until = cumulative_shares(values_of(numbers.channel_weights));
  for (std::size_t c = 0; c < profile.channels.size(); ++c) {
    profile.channels[c].weight = numbers.channel_weights[c].value();
  }
}

void set_grades(Profile& profile, const config::AnomalySettings& anomalies,
                const ProfileNumbers<NoTrail>& numbers) {
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    profile.severity[k] = {numbers.least_severity[k].value(), numbers.most_severity[k].value()};
  }
  profile.edge = anomalies.edge;
  profile.keep_noise = anomalies.keep_noise;
}

DurationRange at_least(const DurationRange& seconds, double least) {
  return {std::max(seconds.median, least), std::max(seconds.min, least), std::max(seconds.max, least)};
}

void set_times(Profile& profile, const config::Config& config, const Rate& rate) {
  const AnomalyTimes times = resolve_times(config, rate);
  profile.readings_per_second = rate.per_second();
  profile.pattern_period = static_cast<Microseconds>(times.pattern_period * 1e6);
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    const DurationRange& seconds = times.duration[k];
    Duration& duration = profile.duration[k];
    duration =
        seconds.is_fixed() ? Duration(seconds.median) : Duration(seconds.median, seconds.min, seconds.max);
    profile.readings_per_anomaly[k] = seconds.is_fixed() ? readings_in(seconds.median, rate.per_second())
                                                         : duration.expected_readings(rate.per_second());
  }
}

}  // namespace

bool same_agings(const Profile& a, const Profile& b) {
  if (!a.agings || !b.agings) return !a.agings && !b.agings;
  return a.agings == b.agings || a.agings->declared() == b.agings->declared();
}

double readings_in(double seconds, double readings_per_second) {
  // Readings are due at 0, 1, 2 … periods from the onset; those before the duration's end are affected. The
  // small allowance keeps 30 s at 0.1/s at three readings although 30 · 0.1 is a little over 3.
  return std::max(1.0, std::ceil(seconds * readings_per_second * (1 - 1e-12)));
}

ChannelProfile kind_of(const types::SensorType& type, std::size_t channel) {
  ChannelProfile profile;
  if (!type.signal) return profile;
  const auto& kind = type.signal->channels[channel].kind;
  const auto* gauge = std::get_if<types::Gauge>(&kind);
  profile.is_gauge = gauge != nullptr;
  profile.is_product = std::holds_alternative<types::Product>(kind);
  profile.is_logarithmic = gauge != nullptr && gauge->scale == types::Gauge::Scale::logarithmic;
  profile.has_low_rail = gauge != nullptr && std::isfinite(gauge->rails.low);
  profile.has_high_rail = gauge != nullptr && std::isfinite(gauge->rails.high);
  return profile;
}

std::string_view location_class(const config::Behaviors& behaviors, std::string_view location) {
  std::string_view longest;
  for (const auto& [prefix, behavior] : behaviors.location) {
    if (prefix.size() >= longest.size() && location.starts_with(prefix)) longest = prefix;
  }
  return longest;
}

FourBehaviors find_behaviors(const config::Behaviors& tables, const ProfileSource& source) {
  return {find_behavior(tables.firmware, config::canonical_firmware(source.firmware_version)),
          find_behavior(tables.model, source.model), find_behavior(tables.manufacturer, source.manufacturer),
          find_behavior(tables.location, location_class(tables, source.location))};
}

// How often anomalies begin. With p_k the chance per reading that an unaffected sensor starts type k, n_k its
// readings and p = Σ p_k, the long-run share of anomalous readings is Σ p_k n_k / (1 - p + Σ p_k n_k).
//
// basis `reading`: that share is to be f, split by the weights w_k. Then p_k = f·w_k/n_k / (1 - f + f·Σ
// w_j/n_j), which is f·w_k/(n_k·(1-f)) onsets per unaffected reading, and is a probability for every f
// below 1. basis `event`: p_k = f·w_k.
//
// basis `rate`: f anomalies are to start per day, split by the weights. The share of readings in which one
// starts is then Σ p_k / (1 - p + Σ p_k n_k), which is that of basis `reading` with the weights w_k·n_k.
Onsets resolve_onsets(config::AnomalyBasis basis, double f, PerAnomalyType<double> weights,
                      const PerAnomalyType<double>& readings_per_anomaly, double readings_per_day) {
  double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (sum <= 0 || f <= 0) return {};

  if (basis == config::AnomalyBasis::rate) {
    for (std::size_t k = 0; k < anomaly_type_count; ++k) weights[k] *= readings_per_anomaly[k];
    const double all = std::accumulate(weights.begin(), weights.end(), 0.0);
    f = std::min(f / readings_per_day * all / sum, highest_anomaly_share);
    sum = all;
  }
  Onsets onsets;
  PerAnomalyType<double>& onset = onsets.chance;
  double per_reading = 0;  // Σ w_k/n_k
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    onset[k] = f * weights[k] / sum;
    if (basis != config::AnomalyBasis::event) onset[k] /= readings_per_anomaly[k];
    per_reading += weights[k] / sum / readings_per_anomaly[k];
  }
  if (basis != config::AnomalyBasis::event) {
    for (double& p : onset) p /= 1 - f + f * per_reading;
  }

  PerAnomalyType<double>& affected = onsets.steady;
  for (std::size_t k = 0; k < anomaly_type_count; ++k) affected[k] = onset[k] * readings_per_anomaly[k];
  const double p = std::accumulate(onset.begin(), onset.end(), 0.0);
  const double cycle = 1 - p + std::accumulate(affected.begin(), affected.end(), 0.0);
  for (double& share : affected) share /= cycle;
  return onsets;
}

bool is_graded(const config::Config& config, const types::SensorType& type) {
  return type.signal || config.anomalies.severity == config::AnomalySeverity::graded;
}

bool draws_graded(const Profile& profile) {
  double until = 0;
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    const auto type = static_cast<AnomalyType>(k);
    const bool begins = profile.onset_until[k] > until;
    until = profile.onset_until[k];
    if (begins && is_graded(profile, type) && effect_of(type).graded) return true;
  }
  return false;
}

bool counts_in_spread(const Profile& profile, AnomalyType type) {
  const std::optional<GradedEffect>& graded = effect_of(type).graded;
  return is_graded(profile, type) && graded && graded->sigma_of != GradedEffect::SigmaOf::nothing;
}

std::shared_ptr<const TypeSpread> spread_of(const config::Config& config, const types::SensorType& type) {
  return std::make_shared<const TypeSpread>(type, normal_parameters(config, type));
}

const types::NormalParameters& normal_parameters(const config::Config& config,
                                                 const types::SensorType& type) {
  return types::is_built_in(type) ? config.normal_parameters : type.normal_parameters;
}

AnomalyTimes configured_times(const config::Config& config, const Rate& rate) {
  AnomalyTimes times;
  times.pattern_period = config.anomalies.pattern_period_seconds;
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    times.duration[k] = config.anomalies.types[k].duration_seconds.value_or(rate.seconds());
  }
  return times;
}

AnomalyTimes resolve_times(const config::Config& config, const Rate& rate) {
  AnomalyTimes times = configured_times(config, rate);
  times.pattern_period = std::max(times.pattern_period, fewest_readings_to_show * rate.seconds());
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    const AnomalyEffect& effect = effect_of(static_cast<AnomalyType>(k));
    const double least =
        std::max(effect.lasts_a_period ? times.pattern_period : 0, effect.fewest_readings * rate.seconds());
    times.duration[k] = at_least(times.duration[k], least);
  }
  return times;
}

Profile resolve_profile(const config::Config& config, const ProfileSource& source) {
  const ProfileNumbers<NoTrail> numbers = Resolution<NoTrail>(config, source).numbers();
  Profile profile;
  set_signal(profile, numbers, *source.type);
  profile.zone = source.zone.value_or(config.clock.zone);
  profile.signal = signal_of(*source.type, numbers, profile.zone);
  set_agings(profile, source);
  set_times(profile, config, source.rate);
  const Onsets onsets =
      resolve_onsets(config.anomalies.basis, numbers.frequency.value(), values_of(numbers.weights),
                     profile.readings_per_anomaly, source.rate.per_second() * seconds_per_day);
  profile.onset_until = cumulative(onsets.chance);
  profile.steady_until = cumulative(onsets.steady);
  set_severity(profile, numbers);
  set_grades(profile, config.anomalies, numbers);
  profile.graded = is_graded(config, *source.type);
  profile.spread = source.spread ? source.spread : spread_of(config, *source.type);
  return profile;
}

}  // namespace fleet_sim::model
