#include "model/explanation.h"

namespace fleet_sim::model {
namespace {

PerAnomalyType<TypeExplanation> explain_types(const config::Config& config, const Explanation& explanation) {
  const PerAnomalyType<double> weights = values_of(explanation.numbers.weights);
  const PerAnomalyType<double> shares = shares_of(weights);
  const PerAnomalyType<double>& readings = explanation.profile.readings_per_anomaly;
  const double readings_per_day = explanation.numbers.readings_per_second.value() * seconds_per_day;
  const Onsets onsets = resolve_onsets(config.anomalies.basis, explanation.numbers.frequency.value(), weights,
                                       readings, readings_per_day);
  PerAnomalyType<TypeExplanation> types;
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    const double begun_per_reading = onsets.steady[k] / readings[k];
    types[k] = {config.anomalies.types[k].enabled, shares[k], onsets.chance[k], onsets.steady[k],
                begun_per_reading * readings_per_day};
  }
  return types;
}

}  // namespace

void Chain::step(const Origin& origin, Operation operation, double value) {
  std::string name;
  for (const std::string_view part : origin.name) {
    if (!name.empty() && !part.empty()) name += '.';
    name += part;
  }
  steps_.push_back({std::string(origin.kind), std::move(name), operation, value});
}

Explanation explain_profile(const config::Config& config, const ProfileSource& source) {
  const Resolution<Chain> resolution(config, source);
  Explanation explanation;
  explanation.type = source.type;
  explanation.behaviors = resolution.behaviors();
  explanation.numbers = resolution.numbers();
  explanation.channel_shares = shares_of(values_of(explanation.numbers.channel_weights));
  explanation.profile = resolve_profile(config, source);
  explanation.types = explain_types(config, explanation);
  explanation.times = resolve_times(config, source.rate);
  explanation.configured = configured_times(config, source.rate);
  return explanation;
}

}  // namespace fleet_sim::model
