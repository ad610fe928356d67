#include <array>
#include <nlohmann/json.hpp>
#include <string>

#include "config/units.h"
#include "explain/explained_sensor.h"
#include "model/anomaly_effect.h"

namespace fleet_sim::explain {
namespace {

using Json = nlohmann::ordered_json;

std::string_view name_of(model::Operation operation) {
  constexpr std::array<std::string_view, 6> names{"start", "multiply", "multiply_excess",
                                                  "add",   "replace",  "limit"};
  return names[static_cast<std::size_t>(operation)];
}

Json json_of(const model::Number<model::Chain>& number) {
  Json chain = Json::array();
  for (const model::Step& step : number.trail().steps()) {
    const std::string source = step.name.empty() ? step.kind : step.kind + ' ' + step.name;
    chain.push_back({{"source", source}, {"operation", name_of(step.operation)}, {"value", step.value}});
  }
  return {{"value", number.value()}, {"chain", chain}};
}

Json json_of(const PerChannel<model::Number<model::Chain>>& numbers) {
  Json json;
  for (std::size_t c = 0; c < channel_count; ++c) json[channel_names[c]] = json_of(numbers[c]);
  return json;
}

Json json_of(std::string_view name, const model::FoundBehavior& found) {
  return {{"name", name}, {"entry", found.entry ? Json(*found.entry) : Json()}};
}

double seconds(Microseconds span) {
  return static_cast<double>(span) / static_cast<double>(microseconds_per_second);
}

Json readings_json(const ExplainedSensor& sensor) {
  const std::uint32_t partitions = sensor.config.fleet.partition.count;
  return {{"readings_per_second", json_of(sensor.explanation.numbers.readings_per_second)},
          {"period_seconds", seconds(sensor.period)},
          {"phase_seconds", seconds(sensor.phase)},
          {"first_due", sensor.first_due ? Json(timestamp_text(*sensor.first_due)) : Json()},
          {"partition", config::partition_text({sensor.partition, partitions})},
          {"in_this_partition", sensor.in_this_partition()},
          {"file", sensor.file ? Json(*sensor.file) : Json()}};
}

Json signal_json(const ExplainedSensor& sensor) {
  const model::ProfileNumbers<model::Chain>& numbers = sensor.explanation.numbers;
  Json json;
  for (std::size_t c = 0; c < channel_count; ++c) {
    const model::ChannelNumbers<model::Chain>& channel = numbers.channels[c];
    json[channel_names[c]] = {{"mean", json_of(channel.mean)},
                              {"std_dev", json_of(channel.deviation)},
                              {"min", json_of(channel.min)},
                              {"max", json_of(channel.max)}};
  }
  json["daily_amplitude"] = json_of(numbers.daily_amplitude);
  json["work_hours_rise"] = json_of(numbers.work_hours_rise);
  json["utc_offset"] = config::utc_offset_text(sensor.config.clock.utc_offset);
  return json;
}

Json types_json(const ExplainedSensor& sensor) {
  Json json;
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    const model::TypeExplanation& type = sensor.explanation.types[k];
    json[anomaly_type_names[k]] = {
        {"enabled", type.enabled},
        {"weight", json_of(sensor.explanation.numbers.weights[k])},
        {"share_of_anomalies", type.share_of_anomalies},
        {"duration_seconds", seconds(sensor.explanation.profile.duration[k])},
        {"readings_per_anomaly", sensor.explanation.profile.readings_per_anomaly[k]},
        {"onset_chance", type.onset_chance},
        {"share_of_readings", type.share_of_readings},
        {"per_day", type.per_day}};
  }
  return json;
}

Json channels_json(const model::Explanation& explanation) {
  Json json;
  for (std::size_t c = 0; c < channel_count; ++c) {
    json[channel_names[c]] = {{"weight", json_of(explanation.numbers.channel_weights[c])},
                              {"share", explanation.channel_shares[c]}};
  }
  return json;
}

Json anomalies_json(const ExplainedSensor& sensor) {
  const config::AnomalySettings& settings = sensor.config.anomalies;
  const model::Explanation& explanation = sensor.explanation;
  const model::ProfileNumbers<model::Chain>& numbers = explanation.numbers;
  Json json{{"enabled", settings.enabled},
            {"basis", settings.basis == config::AnomalyBasis::reading ? "reading" : "event"},
            {"probability", json_of(numbers.probability)},
            {"types", types_json(sensor)},
            {"severity", json_of(numbers.severity)},
            {"channels", channels_json(explanation)},
            {"spike_factor",
             {{"min", json_of(numbers.spike_factor_min)}, {"max", json_of(numbers.spike_factor_max)}}}};
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    const auto& strength = model::effect_of(static_cast<AnomalyType>(k)).strength;
    if (strength) json[strength->key] = json_of(numbers.strengths[k]);
  }
  json["pattern_period_seconds"] = seconds(explanation.profile.pattern_period);
  json["noise_factor"] = json_of(numbers.noise_factor);
  return json;
}

}  // namespace

std::string json_of(const ExplainedSensor& sensor, bool indented) {
  const auto& [firmware, model, manufacturer, location] = sensor.explanation.behaviors;
  Json version = json_of(sensor.firmware_version, firmware);
  version["canonical"] = config::canonical_firmware(sensor.firmware_version);
  const Json json{{"id", sensor.id},
                  {"type", sensor.type},
                  {"location", json_of(sensor.location, location)},
                  {"manufacturer", json_of(sensor.manufacturer, manufacturer)},
                  {"model", json_of(sensor.model, model)},
                  {"firmware_version", version},
                  {"readings", readings_json(sensor)},
                  {"normal_readings", signal_json(sensor)},
                  {"anomalies", anomalies_json(sensor)}};
  return indented ? json.dump(2) + '\n' : json.dump();
}

}  // namespace fleet_sim::explain
