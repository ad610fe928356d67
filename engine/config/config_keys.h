// The one table of everything that can be set: each config key with its flag, its help, and how its text
// becomes a value. The YAML loader, the environment, the command line and the reference all read this table,
// so a key exists everywhere or nowhere. Read-only; any thread.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "config/config.h"

namespace fleet_sim::config {

struct ConfigKey {
  std::string_view name;  // "simulation.readings_per_second"
  std::string_view flag;  // "--rate"; empty when only the file and the environment set it
  // What stands for the value in help: "R"; empty for an on/off flag. Words that may be written as they
  // stand are in lower case, between bars: "sqlite|null".
  std::string_view value;
  std::string_view help;  // one line, with unit and allowed range
  // Parses and range-checks `text` into the config. Returns what is wrong with it, or an empty string.
  std::function<std::string(Config&, std::string_view text)> set;
  // The value as text that `set` reads back to the same value.
  std::function<std::string(const Config&)> get;
  bool repeatable = false;  // a list, whose text has one element per line; load_config joins repeated flags
};

std::span<const ConfigKey> config_keys();

// Null when there is no such key.
const ConfigKey* find_config_key(std::string_view name);

// Whether the key takes part in what a sensor reads, beside the seed and the start. All `behaviors` do.
bool decides_readings(const ConfigKey& key);

// Whether the value stays out of files and out of messages.
bool is_secret(const ConfigKey& key);

// FLEET_SIM_SIMULATION_READINGS_PER_SECOND for simulation.readings_per_second.
std::string environment_name(std::string_view key_name);

}  // namespace fleet_sim::config
