#include <array>
#include <string>

#include "base/json_writer.h"
#include "config/units.h"
#include "explain/explained_sensor.h"
#include "explain/graded.h"
#include "explain/signal_json.h"
#include "model/anomaly_effect.h"

namespace fleet_sim::explain {
namespace {

std::string_view name_of(model::Operation operation) {
  constexpr std::array<std::string_view, 7> names{"start", "multiply", "multiply_excess", "add", "replace",
                                                  "limit", "raise"};
  return names[static_cast<std::size_t>(operation)];
}

double seconds(Microseconds span) {
  return static_cast<double>(span) / static_cast<double>(microseconds_per_second);
}

void add_step(JsonWriter& json, const model::Step& step) {
  json.object([&] {
    json.member("source", step.name.empty() ? step.kind : step.kind + ' ' + step.name);
    json.member("operation", name_of(step.operation));
    json.member("value", step.value);
  });
}

// Calls `add` with the name and the place of each channel of the sensor's type.
template <class Add>
void add_by_channel(const model::Explanation& explanation, const Add& add) {
  const auto channels = explanation.type->schema.channels();
  for (std::size_t c = 0; c < channels.size(); ++c) add(channels[c].name, c);
}

void add_behavior(JsonWriter& json, std::string_view name, const model::FoundBehavior& found) {
  json.member("name", name);
  json.member("entry", found.entry);
}

void add_readings(JsonWriter& json, const ExplainedSensor& sensor) {
  json.object("readings", [&] {
    add_number(json, "readings_per_second", sensor.explanation.numbers.readings_per_second);
    json.member("period_seconds", seconds(sensor.period));
    json.member("phase", sensor.is_aligned ? "aligned" : "staggered");
    json.member("phase_seconds", sensor.phase ? std::optional(seconds(*sensor.phase)) : std::nullopt);
    json.member("first_due",
                sensor.first_due ? std::optional(timestamp_text(*sensor.first_due)) : std::nullopt);
    json.member("partition", config::partition_text({sensor.partition, sensor.config.fleet.partition.count}));
    json.member("in_this_partition", sensor.in_this_partition());
    json.member("file", sensor.file);
    if (sensor.reading_nanoseconds) json.member("reading_nanoseconds", *sensor.reading_nanoseconds);
  });
}

void add_clock(JsonWriter& json, const ExplainedSensor& sensor) {
  const zones::Zone& zone = sensor.explanation.profile.zone;
  json.member("time_zone", zone.is_named() ? std::optional(zone.name()) : std::nullopt);
  json.member("zone_source", zone_source(sensor));
  json.member("utc_offset", config::utc_offset_text(zone.offset_at(sensor.now)));
  const auto next = zone.next_change(sensor.now);
  json.member("next_change", next ? std::optional(timestamp_text(next->at)) : std::nullopt);
  json.member("next_utc_offset", next ? std::optional(config::utc_offset_text(next->offset)) : std::nullopt);
}

void add_signal(JsonWriter& json, const ExplainedSensor& sensor) {
  const model::ProfileNumbers<model::Chain>& numbers = sensor.explanation.numbers;
  if (sensor.explanation.type->signal) {
    add_declared_signal(json, sensor);
    return add_clock(json, sensor);
  }
  json.object("normal_readings", [&] {
    add_by_channel(sensor.explanation, [&](const std::string& name, std::size_t c) {
      const model::ChannelNumbers<model::Chain>& channel = numbers.channels[c];
      json.object(name, [&] {
        add_number(json, "mean", channel.mean);
        add_number(json, "std_dev", channel.deviation);
        add_number(json, "min", channel.min);
        add_number(json, "max", channel.max);
        json.member("clipped_share", sensor.clipped[c]);
      });
    });
    add_number(json, "daily_amplitude", numbers.daily_amplitude);
    add_number(json, "work_hours_rise", numbers.work_hours_rise);
    add_clock(json, sensor);
  });
}

// What graded anomalies of a type do, if they are graded in this sensor.
void add_grades(JsonWriter& json, std::size_t k, const model::Explanation& explanation) {
  const auto graded = graded_type(explanation, static_cast<AnomalyType>(k));
  if (!graded) return;
  if (graded->severity) {
    json.object("severity", [&] {
      add_number(json, "min", explanation.numbers.least_severity[k]);
      add_number(json, "max", explanation.numbers.most_severity[k]);
    });
    json.member("usual_severity", *graded->severity);
  }
  if (graded->channels.empty()) return;
  json.object("channels", [&] {
    for (const GradedChannel& channel : graded->channels) {
      json.object(explanation.type->schema.channels()[channel.channel].name, [&] {
        json.member("share", channel.share);
        json.member("sigma", channel.sigma);
        json.member("usual_magnitude", channel.magnitude);
        json.member("unit", channel.unit);
      });
    }
  });
}

void add_type(JsonWriter& json, std::size_t type, const model::Explanation& explanation) {
  const model::TypeExplanation& explained = explanation.types[type];
  const DurationRange& lasts = explanation.times.duration[type];
  json.object(anomaly_type_names[type], [&] {
    json.member("enabled", explained.enabled);
    add_number(json, "weight", explanation.numbers.weights[type]);
    json.member("share_of_anomalies", explained.share_of_anomalies);
    json.member("duration_seconds", lasts.median);
    if (!lasts.is_fixed()) {
      json.member("shortest_duration_seconds", lasts.min);
      json.member("longest_duration_seconds", lasts.max);
    }
    json.member("configured_duration_seconds", explanation.configured.duration[type].median);
    json.member("readings_per_anomaly", explanation.profile.readings_per_anomaly[type]);
    json.member("onset_chance", explained.onset_chance);
    json.member("share_of_readings", explained.share_of_readings);
    json.member("per_day", explained.per_day);
    add_grades(json, type, explanation);
  });
}

void add_types(JsonWriter& json, const model::Explanation& explanation) {
  json.object("types", [&] {
    for (std::size_t k = 0; k < anomaly_type_count; ++k) {
      if (is_shown(explanation, k)) add_type(json, k, explanation);
    }
  });
}

void add_channels(JsonWriter& json, const model::Explanation& explanation) {
  json.object("channels", [&] {
    add_by_channel(explanation, [&](const std::string& name, std::size_t c) {
      json.object(name, [&] {
        add_number(json, "weight", explanation.numbers.channel_weights[c]);
        json.member("share", explanation.channel_shares[c]);
      });
    });
  });
}

void add_anomalies(JsonWriter& json, const ExplainedSensor& sensor) {
  constexpr std::array<std::string_view, 3> basis_names{"reading", "event", "rate"};
  const config::AnomalySettings& settings = sensor.config.anomalies;
  const model::ProfileNumbers<model::Chain>& numbers = sensor.explanation.numbers;
  json.object("anomalies", [&] {
    json.member("enabled", settings.enabled);
    json.member("basis", basis_names[static_cast<std::size_t>(settings.basis)]);
    const bool by_rate = settings.basis == config::AnomalyBasis::rate;
    add_number(json, by_rate ? "per_day" : "probability", numbers.frequency);
    add_types(json, sensor.explanation);
    add_number(json, "severity", numbers.severity);
    if (sensor.explanation.profile.graded) return;
    add_channels(json, sensor.explanation);
    json.object("spike_factor", [&] {
      add_number(json, "min", numbers.spike_factor_min);
      add_number(json, "max", numbers.spike_factor_max);
    });
    for (std::size_t k = 0; k < anomaly_type_count; ++k) {
      const auto& strength = model::strength_of(static_cast<AnomalyType>(k));
      if (strength) add_number(json, strength->key, numbers.strengths[k]);
    }
    json.member("pattern_period_seconds", seconds(sensor.explanation.profile.pattern_period));
    json.member("configured_pattern_period_seconds", sensor.explanation.configured.pattern_period);
    json.object("noise_factor", [&] {
      add_by_channel(sensor.explanation, [&](const std::string& name, std::size_t c) {
        add_number(json, name, numbers.noise_factor[c]);
      });
    });
  });
}

// Of the keys of the config that were set.
void add_origins(JsonWriter& json, const ExplainedSensor& sensor) {
  const auto keys = sensor.set_keys();
  if (keys.empty()) return;
  json.object("config", [&] {
    for (const auto& [key, origin] : keys) json.member(key->name, origin->place);
  });
}

void add_sensor(JsonWriter& json, const ExplainedSensor& sensor) {
  const auto& [firmware, model, manufacturer, location] = sensor.explanation.behaviors;
  json.member("id", sensor.id);
  json.member("type", sensor.type);
  if (!sensor.declared_at.empty()) json.member("declared_at", sensor.declared_at);
  json.object("location", [&] { add_behavior(json, sensor.location, location); });
  json.object("manufacturer", [&] { add_behavior(json, sensor.manufacturer, manufacturer); });
  json.object("model", [&] { add_behavior(json, sensor.model, model); });
  json.object("firmware_version", [&] {
    add_behavior(json, sensor.firmware_version, firmware);
    json.member("canonical", config::canonical_firmware(sensor.firmware_version));
  });
  add_readings(json, sensor);
  add_signal(json, sensor);
  add_agings(json, sensor);
  add_anomalies(json, sensor);
  add_origins(json, sensor);
}

}  // namespace

void add_number(JsonWriter& json, std::string_view name, const ExplainedNumber& number) {
  json.object(name, [&] {
    json.member("value", number.value());
    json.array("chain", number.trail().steps(), [&](const model::Step& step) { add_step(json, step); });
  });
}

std::string json_of(const ExplainedSensor& sensor, bool indented) {
  std::string text;
  JsonWriter json(text, indented ? JsonLayout::indented : JsonLayout::compact, JsonReals::with_point);
  json.object([&] { add_sensor(json, sensor); });
  return indented ? text + '\n' : text;
}

}  // namespace fleet_sim::explain
