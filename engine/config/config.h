// Everything a run can be told, as plain values with the documented defaults: the settings of what sensors
// read are here, the other sections in *_settings.h, with the rows of their keys. Built once while starting
// by load_config (defaults, then the file, then the environment, then flags); immutable afterwards and shared
// freely.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/terms.h"
#include "config/database_settings.h"
#include "config/fleet_settings.h"
#include "config/process_settings.h"
#include "config/sink_settings.h"
#include "scenario/entry.h"
#include "types/built_in_type.h"
#include "types/channel_factors.h"
#include "types/declared_type.h"

namespace fleet_sim::config {

using fleet_sim::Range;

// What decides how often anomalies occur: `probability` is the long-run share of readings that are anomalous,
// or the chance that an anomaly starts; or so many start per day.
enum class AnomalyBasis { reading, event, rate };

// How much anomalies change: by shares of what the sensor reads, or by multiples of how much its channels
// change while nothing is wrong.
enum class AnomalySeverity { relative, graded };

struct AnomalyTypeSettings {
  bool enabled = true;
  double weight = 0;
  std::optional<DurationRange> duration_seconds;  // none: one reading
  Range severity{};                               // of types that are graded, uniform

  bool operator==(const AnomalyTypeSettings&) const = default;
};

constexpr PerAnomalyType<AnomalyTypeSettings> default_anomaly_types() {
  PerAnomalyType<AnomalyTypeSettings> types;
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    const AnomalyTypeRow& row = anomaly_types[k];
    types[k] = {true, row.weight.value_or(0), row.duration_seconds,
                row.severity ? row.severity->range : Range{}};
  }
  return types;
}

struct AnomalySettings {
  bool enabled = true;
  double probability = 0.05;
  AnomalyBasis basis = AnomalyBasis::reading;
  double per_day = 1;  // with AnomalyBasis::rate, in place of the probability
  AnomalySeverity severity = AnomalySeverity::relative;  // of the built-in type; declared ones are graded
  double edge = 0.25;       // of graded ones that come and go: share of the duration that each takes
  bool keep_noise = false;  // whether a stuck channel keeps its white noise
  double pattern_period_seconds = 60;
  PerAnomalyType<AnomalyTypeSettings> types = default_anomaly_types();

  bool operator==(const AnomalySettings&) const = default;
};

// By channel, then by source: × the gain of a term; of a logarithmic channel, the exponent of its factor.
using TermFactors = std::map<std::string, types::ChannelFactors, std::less<>>;
// By channel: + its base; of a logarithmic channel, a factor.
using Shifts = std::map<std::string, double, std::less<>>;

// What one firmware version, model, manufacturer or location class does to a sensor. Plain numbers multiply
// what the sensor has; the optional ones replace it.
struct Behavior {
  double probability = 1;                                    // × chance of an anomaly
  double severity = 1;                                       // × excess of every anomaly over normal
  types::ChannelFactors spread;                              // × standard deviation of normal readings
  types::ChannelFactors noise;                               // × noise factor, per channel
  PerAnomalyType<double> weights = every_anomaly_type(1.0);  // × weight of each anomaly type
  double daily = 1;                                          // × amplitude of the daily temperature cycle
  double work_hours_rise = 0;                     // + standard deviations of temperature, 08:00-18:00
  std::optional<types::ChannelFactors> channels;  // which channel a spike or trend picks (weights)
  std::optional<Range> spike_factor;              // bounds of the uniform spike factor
  std::optional<double> noise_factor;             // noise as a share of the value
  TermFactors gain;
  Shifts shift;

  bool operator==(const Behavior&) const = default;
};

// Firmware is looked up by canonical version (1.3.0 is 1.3), model and manufacturer by name, location by the
// longest key the location starts with. A name without an entry has no effect.
struct Behaviors {
  std::map<std::string, Behavior, std::less<>> firmware;
  std::map<std::string, Behavior, std::less<>> model;
  std::map<std::string, Behavior, std::less<>> manufacturer;
  std::map<std::string, Behavior, std::less<>> location;

  bool operator==(const Behaviors&) const = default;
};
Behaviors default_behaviors();

struct Config {
  SimulationSettings simulation;
  types::NormalParameters normal_parameters = types::built_in_type().normal_parameters;  // of that type
  AnomalySettings anomalies;
  Behaviors behaviors = default_behaviors();
  types::DeclaredTypes types;  // declared besides the built-in one, or in its place
  scenario::Entries scenario;
  scenario::Delivery delivery;  // of all rows, unless the scenario says otherwise
  FleetSettings fleet;
  ShardBy sharding;
  ClockSettings clock;
  SinkSettings sink;
  WriteSettings write;  // both are the section `database` of a file
  SqliteSettings sqlite;
  LoggingSettings logging;
  ConfigReloadSettings config_reload;
  MonitoringSettings monitoring;

  // The folder that holds the shards: database.data_dir, or the folder of database.path.
  [[nodiscard]] std::string data_directory() const;

  // logging.file; if only a data directory is named, fleet-sim.log in that directory.
  [[nodiscard]] std::string log_file() const;

  bool operator==(const Config&) const = default;
};

// Whether rows may arrive otherwise than at once, so that they have the columns of delivery.
bool delivers(const Config& config);

// `1.3.0` and `1.3` are the same firmware: trailing `.0` parts do not count.
std::string_view canonical_firmware(std::string_view version);

}  // namespace fleet_sim::config
