#include "config/config.h"

#include <filesystem>

namespace fleet_sim::config {
namespace {

PerAnomalyType<double> only(AnomalyType type, double factor) {
  auto factors = every_anomaly_type(1.0);
  factors[index_of(type)] = factor;
  return factors;
}

Behavior firmware_1_3() {
  Behavior old;
  old.probability = 1.5;
  old.spread = {{types::voltage, 1.5}};
  old.channels = {{types::temperature, 0.6}, {types::vibration, 0.2}, {types::voltage, 0.2}};
  old.spike_factor = Range{1.8, 3.5};
  old.noise_factor = 0.15;
  return old;
}

// Less of the two types that dominate: a flatter mix.
Behavior firmware_1_4() {
  Behavior improved;
  improved.probability = 0.7;
  improved.spread = {{types::voltage, 0.7}};
  improved.weights[index_of(AnomalyType::spike)] = 0.7;
  improved.weights[index_of(AnomalyType::noise)] = 0.8;
  improved.channels.emplace();  // all alike
  improved.spike_factor = Range{1.5, 3.0};
  improved.noise_factor = 0.10;
  return improved;
}

Behavior weighing(AnomalyType type, double factor) {
  Behavior model;
  model.weights = only(type, factor);
  return model;
}

Behavior data_sense() {
  Behavior rare_but_severe;
  rare_but_severe.probability = 0.8;
  rare_but_severe.severity = 1.25;
  return rare_but_severe;
}

Behavior vibration_plus() {
  Behavior shaky;
  shaky.probability = 1.2;
  shaky.noise = {{types::vibration, 1.5}};
  return shaky;
}

Behavior factory() {
  Behavior warm_by_day;
  warm_by_day.work_hours_rise = 1;
  return warm_by_day;
}

Behavior warehouse() {
  Behavior even_but_shaken;
  even_but_shaken.spread = {{types::temperature, 0.5}, {types::vibration, 1.5}};
  return even_but_shaken;
}

Behavior outdoor() {
  Behavior weather;
  weather.daily = 3;
  return weather;
}

}  // namespace

Behaviors default_behaviors() {
  Behaviors known;
  known.firmware = {{"1.3", firmware_1_3()}, {"1.4", firmware_1_4()}};
  known.model = {{"TempVibe-1000", weighing(AnomalyType::missing_data, 2)},
                 {"TempVibe-2000", weighing(AnomalyType::pattern, 1.5)},
                 {"TempVibe-3000", weighing(AnomalyType::spike, 1.5)}};
  known.manufacturer = {{"SensorTech", {}}, {"DataSense", data_sense()}, {"VibrationPlus", vibration_plus()}};
  known.location = {{"Factory", factory()}, {"Warehouse", warehouse()}, {"Outdoor", outdoor()}};
  return known;
}

std::string Config::data_directory() const {
  if (!sqlite.data_dir.empty()) return sqlite.data_dir;
  const std::string folder = std::filesystem::path(sqlite.path).parent_path().string();
  return folder.empty() ? "." : folder;
}

std::string Config::log_file() const {
  const std::string unnamed = LoggingSettings().file;
  if (logging.file != unnamed) return logging.file;
  if (sqlite.data_dir.empty()) return sink.address.is_stream() ? std::string() : logging.file;
  return (std::filesystem::path(sqlite.data_dir) / std::filesystem::path(unnamed).filename()).string();
}

bool delivers(const Config& config) {
  const auto changes_delivery = [](const scenario::Entry& entry) {
    return std::holds_alternative<scenario::Deliver>(entry.verb);
  };
  return config.delivery != scenario::Delivery{} || std::ranges::any_of(config.scenario, changes_delivery);
}

std::string_view canonical_firmware(std::string_view version) {
  while (version.size() > 2 && version.ends_with(".0")) version.remove_suffix(2);
  return version;
}

}  // namespace fleet_sim::config
