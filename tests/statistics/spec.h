// engine/model/README.md in numbers, written down from its text and from nothing else: no behavior, profile
// or default of the engine is read here, so that a number changed there is a difference to be seen. Values
// only; any thread.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <string>
#include <vector>

#include "base/terms.h"
#include "base/timestamp.h"
#include "identity/identity.h"

namespace fleet_sim::statistics {

inline constexpr std::size_t temperature = 0;
inline constexpr std::size_t vibration = 1;
inline constexpr std::size_t voltage = 2;
inline constexpr std::size_t channel_count = 3;
inline constexpr std::array<const char*, channel_count> channel_names{"temperature", "vibration", "voltage"};
template <class T>
using PerChannel = std::array<T, channel_count>;  // by the numbers above
inline constexpr std::size_t spike = 0;
inline constexpr std::size_t trend = 1;
inline constexpr std::size_t pattern = 2;
inline constexpr std::size_t missing_data = 3;
inline constexpr std::size_t noise = 4;
inline constexpr std::size_t usual_types = 5;  // these; the others do not happen unless they are asked for

struct NormalSpec {
  double mean;
  double std_dev;
  double min;
  double max;
};
inline constexpr PerChannel<NormalSpec> normal{{{65, 2, 50, 80}, {2.5, 0.5, 0.1, 10}, {12, 0.1, 11.5, 12.5}}};

struct FirmwareSpec {
  const char* version;
  const char* other_writing;  // the same firmware
  double probability;
  PerChannel<double> channels;
  double spike_low;
  double spike_high;
  double noise;
  double voltage_spread;
  PerAnomalyType<double> weights;
};
inline constexpr std::array<FirmwareSpec, 3> firmwares{
    {{"1.3", "1.3.0", 1.5, {0.6, 0.2, 0.2}, 1.8, 3.5, 0.15, 1.5, {1, 1, 1, 1, 1}},
     {"1.4", "1.4.0", 0.7, {1. / 3, 1. / 3, 1. / 3}, 1.5, 3.0, 0.10, 0.7, {0.7, 1, 1, 1, 0.8}},
     {"1.5", "2.1.3", 1, {1. / 3, 1. / 3, 1. / 3}, 1.5, 3.0, 0.10, 1, {1, 1, 1, 1, 1}}}};

struct ManufacturerSpec {
  const char* name;
  double probability;
  double severity;
  double vibration_noise;
};
inline constexpr std::array<ManufacturerSpec, 4> manufacturers{{{"SensorTech", 1, 1, 1},
                                                                {"DataSense", 0.8, 1.25, 1},
                                                                {"VibrationPlus", 1.2, 1, 1.5},
                                                                {"Acme", 1, 1, 1}}};

struct ModelSpec {
  const char* name;
  PerAnomalyType<double> weights;
};
inline constexpr std::array<ModelSpec, 4> models{{{"TempVibe-1000", {1, 1, 1, 2, 1}},
                                                  {"TempVibe-2000", {1, 1, 1.5, 1, 1}},
                                                  {"TempVibe-3000", {1.5, 1, 1, 1, 1}},
                                                  {"Probe 7", {1, 1, 1, 1, 1}}}};

struct PlaceSpec {
  const char* location;
  double temperature_spread;
  double vibration_spread;
  double daily;
  double work_hours_rise;
};
inline constexpr std::array<PlaceSpec, 4> places{{{"Factory B - Line 2", 1, 1, 1, 1},
                                                  {"Warehouse 3 - North", 0.5, 1.5, 1, 0},
                                                  {"Outdoor - Mast 4", 1, 1, 3, 0},
                                                  {"Laboratory", 1, 1, 1, 0}}};

inline constexpr double probability = 0.05;
inline constexpr double highest_share = 0.95;
inline constexpr PerAnomalyType<double> weights{0.4, 0.2, 0.1, 0.1, 0.2};
inline constexpr PerAnomalyType<double> duration_seconds{0, 300, 600, 30, 180};  // 0: one reading
inline constexpr double trend_change = 0.5;
inline constexpr double pattern_amplitude = 0.2;
inline constexpr double pattern_period_seconds = 60;
inline constexpr double fewest_readings = 8;  // of a trend, and of a pattern's period

// How long a pattern's period is, and how long a type lasts, in seconds, for a sensor with this period.
constexpr double pattern_seconds(double period_seconds) {
  return std::max(pattern_period_seconds, fewest_readings * period_seconds);
}
constexpr double lasting_seconds(std::size_t type, double period_seconds) {
  if (type == spike) return period_seconds;
  if (type == trend) return std::max(duration_seconds[type], fewest_readings * period_seconds);
  if (type == pattern) return std::max(duration_seconds[type], pattern_seconds(period_seconds));
  return duration_seconds[type];
}

// What a sensor is: indices into the tables above.
struct Kind {
  std::size_t firmware;
  std::size_t manufacturer;
  std::size_t model;
  std::size_t place;

  [[nodiscard]] const FirmwareSpec& firmware_spec() const { return firmwares[firmware]; }
  [[nodiscard]] const ManufacturerSpec& manufacturer_spec() const { return manufacturers[manufacturer]; }
  [[nodiscard]] const ModelSpec& model_spec() const { return models[model]; }
  [[nodiscard]] const PlaceSpec& place_spec() const { return places[place]; }
};
inline constexpr std::size_t kind_count =
    firmwares.size() * manufacturers.size() * models.size() * places.size();

// Sensors take turns through all kinds.
constexpr Kind kind_of(std::size_t sensor) {
  const std::size_t a = sensor % firmwares.size();
  sensor /= firmwares.size();
  const std::size_t b = sensor % manufacturers.size();
  sensor /= manufacturers.size();
  return {a, b, sensor % models.size(), sensor / models.size() % places.size()};
}
inline constexpr Kind plain_kind{2, 3, 3, 3};  // nothing about it has an effect

inline double severity(const Kind& kind) {
  return kind.manufacturer_spec().severity;
}

inline double spread(const Kind& kind, std::size_t channel) {
  if (channel == temperature) return kind.place_spec().temperature_spread;
  return channel == vibration ? kind.place_spec().vibration_spread : kind.firmware_spec().voltage_spread;
}
inline double deviation(const Kind& kind, std::size_t channel) {
  return normal[channel].std_dev * spread(kind, channel);
}

inline double hour_of(Timestamp at) {
  return static_cast<double>(at % microseconds_per_day) / 3.6e9;
}

// 08:00 to 18:00, with a rise and a fall of half a cosine, an hour each.
inline double work_share(double hour) {
  const double ramp = std::clamp(std::min(hour - 8, 18 - hour), 0.0, 1.0);
  return (1 - std::cos(std::numbers::pi * ramp)) / 2;
}
inline double daily_wave(double hour) {
  return std::sin(2 * std::numbers::pi * (hour - 9) / 24);
}

// What the hour adds to the temperature, in standard deviations.
inline double warmth(const PlaceSpec& place, double hour) {
  return place.daily * daily_wave(hour) + place.work_hours_rise * work_share(hour);
}

// The normal reading without its random part, before it is clamped.
inline double center(const Kind& kind, std::size_t channel, double hour) {
  const NormalSpec& spec = normal[channel];
  return channel == temperature ? spec.mean + spec.std_dev * warmth(kind.place_spec(), hour) : spec.mean;
}

// f and w_k of the page.
inline double share_of_anomalies(const Kind& kind, double base = probability) {
  return std::min(highest_share,
                  base * kind.firmware_spec().probability * kind.manufacturer_spec().probability);
}
inline PerAnomalyType<double> mix(const Kind& kind) {
  PerAnomalyType<double> shares{};
  double sum = 0;
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    shares[k] = weights[k] * kind.firmware_spec().weights[k] * kind.model_spec().weights[k];
    sum += shares[k];
  }
  for (double& share : shares) share /= sum;
  return shares;
}

// n of the page: the readings due before the duration is over.
inline double readings_of(std::size_t type, double period_seconds) {
  return std::max(1.0, std::ceil(lasting_seconds(type, period_seconds) / period_seconds - 1e-9));
}

// Chance that an unaffected sensor begins `type` at its next reading, and the number of anomalies of that
// type per unaffected reading.
inline PerAnomalyType<double> onsets_per_normal_reading(const Kind& kind, double base,
                                                        double period_seconds) {
  const double f = share_of_anomalies(kind, base);
  PerAnomalyType<double> rates = mix(kind);
  for (std::size_t k = 0; k < anomaly_type_count; ++k)
    rates[k] *= f / (readings_of(k, period_seconds) * (1 - f));
  return rates;
}

// The ends of the uniform spike factor, and the noise of each channel as a share of its value.
inline double spike_low(const Kind& kind) {
  return 1 + (kind.firmware_spec().spike_low - 1) * severity(kind);
}
inline double spike_high(const Kind& kind) {
  return 1 + (kind.firmware_spec().spike_high - 1) * severity(kind);
}
inline double noise_factor(const Kind& kind, std::size_t channel) {
  const double own = channel == vibration ? kind.manufacturer_spec().vibration_noise : 1;
  return kind.firmware_spec().noise * severity(kind) * own;
}

inline identity::IdentityRecord identity_of(const Kind& kind, std::size_t sensor) {
  const FirmwareSpec& firmware = kind.firmware_spec();
  identity::IdentityRecord record;
  record.id = "sensor-" + std::to_string(sensor);
  record.firmware_version = sensor / kind_count % 2 == 0 ? firmware.version : firmware.other_writing;
  record.manufacturer = kind.manufacturer_spec().name;
  record.model = kind.model_spec().name;
  record.location = kind.place_spec().location;
  return record;
}

}  // namespace fleet_sim::statistics
