// How the numbers of a profile come about: each starts from what the config or the identity says and is then
// changed by the sensor's behaviors. The formulas stand here once, for a Number that may or may not keep a
// trail of its steps: resolve_profile takes numbers without one, explain_profile the same numbers with one,
// so that an explanation cannot differ from what is simulated. Used while starting and explaining, never by
// the tick. Pure; any thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/math.h"
#include "base/terms.h"
#include "config/behavior_effects.h"
#include "config/config.h"
#include "identity/identity.h"
#include "model/anomaly_effect.h"
#include "model/profile.h"

namespace fleet_sim::model {

// What a step does with its value. multiply_excess multiplies what the number is above 1; raise takes it as
// the exponent.
enum class Operation { start, multiply, multiply_excess, add, replace, limit, raise };

// Where a step comes from: a kind ("config", "firmware") and a name made of parts ("1.3", or the path of a
// key). Views of what outlives the resolution.
struct Origin {
  std::string_view kind;
  std::array<std::string_view, 3> name{};
};

// One of a sensor's four behaviors; without an entry in the config it is one of no effect.
struct FoundBehavior {
  const config::Behavior* behavior = nullptr;
  std::optional<std::string_view> entry;
};

// In the order of behavior_kinds: firmware, model, manufacturer, location.
using FourBehaviors = std::array<FoundBehavior, config::behavior_kinds.size()>;

FourBehaviors find_behaviors(const config::Behaviors& tables, const ProfileSource& source);

inline Origin origin_of(const FourBehaviors& behaviors, std::size_t i) {
  return {config::behavior_kinds[i].name, {behaviors[i].entry.value_or("")}};
}

// Keeps nothing.
struct NoTrail {
  void step(const Origin&, Operation, double) {}
};

// A value on its way. A Trail records every step except those that change nothing by their nature: a
// factor of 1 and a term of 0.
template <class Trail>
class Number {
 public:
  Number() = default;
  Number(const Origin& origin, double value) : value_(value) { trail_.step(origin, Operation::start, value); }

  [[nodiscard]] double value() const { return value_; }
  [[nodiscard]] const Trail& trail() const { return trail_; }

  void multiply(const Origin& origin, double factor) {
    value_ *= factor;
    if (factor != 1) trail_.step(origin, Operation::multiply, factor);
  }

  // By the product of what the behaviors say.
  template <class Member>
  void multiply(const FourBehaviors& behaviors, Member factor_of) {
    double product = 1;
    for (std::size_t i = 0; i < behaviors.size(); ++i) {
      const double factor = factor_of(*behaviors[i].behavior);
      product *= factor;
      if (factor != 1) trail_.step(origin_of(behaviors, i), Operation::multiply, factor);
    }
    value_ *= product;
  }

  // Multiplies what the value is above 1.
  void multiply_excess(const Origin& origin, double factor) {
    value_ = 1 + (value_ - 1) * factor;
    if (factor != 1) trail_.step(origin, Operation::multiply_excess, factor);
  }

  void add(const Origin& origin, double term) {
    value_ += term;
    if (term != 0) trail_.step(origin, Operation::add, term);
  }

  // Of a number above 0.
  void raise(const Origin& origin, double exponent) {
    if (exponent == 1) return;
    value_ = exponential(exponent * natural_log(value_));
    trail_.step(origin, Operation::raise, exponent);
  }

  void replace(const Origin& origin, double value) {
    value_ = value;
    trail_.step(origin, Operation::replace, value);
  }

  void limit(const Origin& origin, double most) {
    if (value_ <= most) return;
    value_ = most;
    trail_.step(origin, Operation::limit, most);
  }

 private:
  double value_ = 0;
  [[no_unique_address]] Trail trail_;
};

template <class Trail>
struct ChannelNumbers {
  Number<Trail> mean;  // of a declared gauge, its base
  Number<Trail> deviation;
  Number<Trail> min;
  Number<Trail> max;
  std::vector<Number<Trail>> gains;  // of a declared gauge's terms, in their order
};

// The numbers that config, identity and behaviors decide between them. Everything else in a profile follows
// from these and the config alone.
template <class Trail>
struct ProfileNumbers {
  Number<Trail> readings_per_second;
  std::vector<ChannelNumbers<Trail>> channels;
  Number<Trail> daily_amplitude;
  Number<Trail> work_hours_rise;
  Number<Trail> frequency;  // f in model/README.md: the probability, or anomalies per day
  PerAnomalyType<Number<Trail>> weights;
  Number<Trail> severity;
  std::vector<Number<Trail>> channel_weights;    // of which channel a spike or trend picks
  PerAnomalyType<Number<Trail>> least_severity;  // of graded anomalies of types that have one …
  PerAnomalyType<Number<Trail>> most_severity;   // … before they are kept within its bounds
  Number<Trail> spike_factor_min;
  Number<Trail> spike_factor_max;
  PerAnomalyType<Number<Trail>> strengths;  // of types whose effect has one
  std::vector<Number<Trail>> noise_factor;
};

template <class Trail>
class Resolution {
 public:
  Resolution(const config::Config& config, const ProfileSource& source)
      : config_(config),
        source_(source),
        behaviors_(find_behaviors(config.behaviors, source)),
        channels_(source.type->schema.channels()) {}

  [[nodiscard]] const FourBehaviors& behaviors() const { return behaviors_; }

  [[nodiscard]] ProfileNumbers<Trail> numbers() const {
    ProfileNumbers<Trail> numbers;
    resolve_signal(numbers);
    numbers.frequency = frequency();
    for (std::size_t k = 0; k < anomaly_type_count; ++k) numbers.weights[k] = weight(k);
    resolve_severity(numbers);
    resolve_noise(numbers);
    return numbers;
  }

  [[nodiscard]] Number<Trail> frequency() const {
    const config::AnomalySettings& anomalies = config_.anomalies;
    const bool by_rate = anomalies.basis == config::AnomalyBasis::rate;
    Number<Trail> f({"config", {"anomalies", by_rate ? "per_day" : "probability"}},
                    by_rate ? anomalies.per_day : anomalies.probability);
    f.multiply(behaviors_, [](const config::Behavior& b) { return b.probability; });
    if (!by_rate) f.limit({"limit"}, highest_anomaly_share);
    if (!anomalies.enabled) f.replace({"config", {"anomalies", "enabled"}}, 0);
    return f;
  }

 private:
  // One of the sensor's normal parameters: its own, or the config's.
  [[nodiscard]] Number<Trail> normal(std::size_t c, std::string_view name,
                                     double types::ChannelParameters::*value,
                                     std::optional<double> identity::ChannelOverride::*own) const {
    const bool is_own = source_.own != nullptr && (source_.own->channel(channels_[c].name).*own).has_value();
    const Origin of_type{"type", {source_.type->schema.type(), channels_[c].name, name_in_type(name)}};
    return {!is_own && source_.type->signal
                ? of_type
                : Origin{is_own ? "identity" : "config", {"normal_parameters", channels_[c].name, name}},
            source_.normal_parameters[c].*value};
  }

  // What a declaration calls a normal parameter.
  static std::string_view name_in_type(std::string_view name) {
    return name == "mean" ? "base" : name == "std_dev" ? "white" : "range";
  }

  [[nodiscard]] Number<Trail> std_dev(std::size_t c) const {
    return normal(c, "std_dev", &types::ChannelParameters::std_dev, &identity::ChannelOverride::std_dev);
  }

  void resolve_signal(ProfileNumbers<Trail>& numbers) const {
    const bool own_rate = source_.own != nullptr && source_.own->rate.has_value();
    const std::string_view spelling = source_.rate.interval() ? "interval" : "readings_per_second";
    numbers.readings_per_second = {
        own_rate ? Origin{"identity", {spelling}} : Origin{"config", {"simulation", spelling}},
        source_.rate.per_second()};
    numbers.channels.resize(channels_.size());
    for (std::size_t c = 0; c < channels_.size(); ++c) {
      ChannelNumbers<Trail>& channel = numbers.channels[c];
      channel.mean = normal(c, "mean", &types::ChannelParameters::mean, &identity::ChannelOverride::mean);
      resolve_terms(c, channel);
      channel.deviation = std_dev(c);
      channel.deviation.multiply(behaviors_,
                                 [&](const config::Behavior& b) { return b.spread.of(channels_[c].name); });
      channel.min = normal(c, "min", &types::ChannelParameters::min, &identity::ChannelOverride::min);
      channel.max = normal(c, "max", &types::ChannelParameters::max, &identity::ChannelOverride::max);
    }
    resolve_day(numbers);
  }

  // What behaviors do to the base and the terms of a gauge.
  void resolve_terms(std::size_t c, ChannelNumbers<Trail>& channel) const {
    const std::string& name = channels_[c].name;
    const types::Gauge* gauge = declared_gauge(c);
    const bool is_logarithmic = gauge != nullptr && gauge->scale == types::Gauge::Scale::logarithmic;
    for (std::size_t i = 0; i < behaviors_.size(); ++i) {
      const auto shift = behaviors_[i].behavior->shift.find(name);
      if (shift == behaviors_[i].behavior->shift.end()) continue;
      if (is_logarithmic) {
        channel.mean.multiply(origin_of(behaviors_, i), shift->second);
      } else {
        channel.mean.add(origin_of(behaviors_, i), shift->second);
      }
    }
    if (gauge == nullptr) return;
    for (const types::Term& term : gauge->terms) {
      const std::string& source = source_.type->signal->sources[term.source].name;
      Number<Trail>& gain =
          channel.gains.emplace_back(Origin{"type", {source_.type->schema.type(), name, source}}, term.gain);
      for (std::size_t i = 0; i < behaviors_.size(); ++i) {
        const auto factors = behaviors_[i].behavior->gain.find(name);
        if (factors == behaviors_[i].behavior->gain.end()) continue;
        const double factor = factors->second.of(source);
        is_logarithmic ? gain.raise(origin_of(behaviors_, i), factor)
                       : gain.multiply(origin_of(behaviors_, i), factor);
      }
    }
  }

  // None of a type that is not declared, or of another kind of channel.
  [[nodiscard]] const types::Gauge* declared_gauge(std::size_t c) const {
    const auto& signal = source_.type->signal;
    return signal ? std::get_if<types::Gauge>(&signal->channels[c].kind) : nullptr;
  }

  void resolve_day(ProfileNumbers<Trail>& numbers) const {
    if (!source_.type->daily_channel) return;
    const Number<Trail> normal_std_dev = std_dev(index_of(*source_.type->daily_channel));
    numbers.daily_amplitude = normal_std_dev;
    numbers.daily_amplitude.multiply(behaviors_, [](const config::Behavior& b) { return b.daily; });
    numbers.work_hours_rise = {built_in, 0};
    for (std::size_t i = 0; i < behaviors_.size(); ++i) {
      numbers.work_hours_rise.add(origin_of(behaviors_, i),
                                  normal_std_dev.value() * behaviors_[i].behavior->work_hours_rise);
    }
  }

  [[nodiscard]] Number<Trail> weight(std::size_t k) const {
    const config::AnomalyTypeSettings& type = config_.anomalies.types[k];
    const double own = is_drawn(static_cast<AnomalyType>(k)) ? type.weight : 0;
    Number<Trail> weight({"config", {"anomalies.types", anomaly_type_names[k], "weight"}}, own);
    weight.multiply(behaviors_, [k](const config::Behavior& b) { return b.weights[k]; });
    if (!type.enabled) weight.replace({"config", {"anomalies.types", anomaly_type_names[k], "enabled"}}, 0);
    const types::SensorType& sensor_type = *source_.type;
    if (weight.value() > 0 && !can_happen(config_, sensor_type, static_cast<AnomalyType>(k))) {
      weight.replace({"type", {sensor_type.schema.type()}}, 0);
    }
    return weight;
  }

  // The first behavior that names a replacement wins.
  template <class T, class Part>
  void replace(Number<Trail>& number, std::optional<T> config::Behavior::*member, Part part_of) const {
    for (std::size_t i = 0; i < behaviors_.size(); ++i) {
      const std::optional<T>& replacement = behaviors_[i].behavior->*member;
      if (replacement) return number.replace(origin_of(behaviors_, i), part_of(*replacement));
    }
  }

  void resolve_severity(ProfileNumbers<Trail>& numbers) const {
    numbers.severity = {built_in, 1};
    numbers.severity.multiply(behaviors_, [](const config::Behavior& b) { return b.severity; });
    const double severity = numbers.severity.value();

    numbers.spike_factor_min = {built_in, usual_spike_factor.min};
    numbers.spike_factor_max = {built_in, usual_spike_factor.max};
    replace(numbers.spike_factor_min, &config::Behavior::spike_factor,
            [](const config::Range& range) { return range.min; });
    replace(numbers.spike_factor_max, &config::Behavior::spike_factor,
            [](const config::Range& range) { return range.max; });
    numbers.spike_factor_min.multiply_excess({"severity"}, severity);
    numbers.spike_factor_max.multiply_excess({"severity"}, severity);

    for (std::size_t k = 0; k < anomaly_type_count; ++k) {
      const std::optional<Strength>& strength = strength_of(static_cast<AnomalyType>(k));
      if (!strength) continue;
      numbers.strengths[k] = {built_in, strength->usual};
      numbers.strengths[k].multiply({"severity"}, severity);
    }
    resolve_grades(numbers);
  }

  void resolve_grades(ProfileNumbers<Trail>& numbers) const {
    for (std::size_t k = 0; k < anomaly_type_count; ++k) {
      if (!anomaly_types[k].severity) continue;
      const Origin key{"config", {"anomalies.types", anomaly_type_names[k], "severity"}};
      const Range& range = config_.anomalies.types[k].severity;
      numbers.least_severity[k] = {key, range.min};
      numbers.most_severity[k] = {key, range.max};
      numbers.least_severity[k].multiply({"severity"}, numbers.severity.value());
      numbers.most_severity[k].multiply({"severity"}, numbers.severity.value());
    }
  }

  void resolve_noise(ProfileNumbers<Trail>& numbers) const {
    numbers.noise_factor.resize(channels_.size());
    numbers.channel_weights.resize(channels_.size());
    for (std::size_t c = 0; c < channels_.size(); ++c) {
      Number<Trail>& noise = numbers.noise_factor[c];
      noise = {built_in, usual_noise_factor};
      replace(noise, &config::Behavior::noise_factor, [](double factor) { return factor; });
      noise.multiply({"severity"}, numbers.severity.value());
      noise.multiply(behaviors_, [&](const config::Behavior& b) { return b.noise.of(channels_[c].name); });

      numbers.channel_weights[c] = {built_in, 1};
      weigh_channel(numbers.channel_weights[c], channels_[c].name);
    }
  }

  // By the first behavior whose weights name channels of the type only: others are not meant for it.
  void weigh_channel(Number<Trail>& weight, std::string_view channel) const {
    const auto lacks = [this](const auto& named) { return !source_.type->schema.find_channel(named.first); };
    for (std::size_t i = 0; i < behaviors_.size(); ++i) {
      const std::optional<types::ChannelFactors>& weights = behaviors_[i].behavior->channels;
      if (!weights || std::ranges::any_of(weights->named(), lacks)) continue;
      return weight.replace(origin_of(behaviors_, i), weights->of(channel));
    }
  }

  static constexpr Origin built_in{"built in"};
  static constexpr config::Range usual_spike_factor{1.5, 3.0};
  static constexpr double usual_noise_factor = 0.10;

  const config::Config& config_;
  const ProfileSource& source_;
  FourBehaviors behaviors_;
  std::span<const types::ChannelColumn> channels_;
};

// How often anomalies begin and how much of the long run they take, per type.
struct Onsets {
  PerAnomalyType<double> chance{};  // that an unaffected sensor starts one at its next reading
  PerAnomalyType<double> steady{};  // that a reading of the long run lies in one
};

// With AnomalyBasis::rate, `f` is how many start per day.
Onsets resolve_onsets(config::AnomalyBasis basis, double f, PerAnomalyType<double> weights,
                      const PerAnomalyType<double>& readings_per_anomaly, double readings_per_day);

// Each weight's share of their sum; none when that is 0.
template <class Weights>
Weights shares_of(const Weights& weights) {
  double sum = 0;
  for (const double weight : weights) sum += weight;
  Weights shares = weights;
  for (double& share : shares) share = sum > 0 ? share / sum : 0;
  return shares;
}

template <class Trail, std::size_t n>
std::array<double, n> values_of(const std::array<Number<Trail>, n>& numbers) {
  std::array<double, n> values{};
  for (std::size_t i = 0; i < n; ++i) values[i] = numbers[i].value();
  return values;
}

template <class Trail>
std::vector<double> values_of(const std::vector<Number<Trail>>& numbers) {
  std::vector<double> values;
  for (const Number<Trail>& number : numbers) values.push_back(number.value());
  return values;
}

}  // namespace fleet_sim::model
