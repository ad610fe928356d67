// The one table of everything that can be set: each config key with its flag, its help, how its text becomes
// a value, and everything else about it. The YAML loader, the environment, the command line, the man page, a
// reload, a resumed run and the pages of configs/ read this table and have no list of their own, so a key
// exists everywhere or nowhere. Its rows stand with the settings they fill (*_settings.h). Read-only; any
// thread.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "config/config.h"
#include "config/key_row.h"

namespace fleet_sim::config {

struct ConfigKey {
  std::string_view name;
  std::string_view also;  // another name of it; empty: none
  std::string_view flag;
  std::string_view value;  // what stands for it in help; empty for an on/off flag
  std::string help;
  std::string flag_help;
  std::string more;  // may be empty
  Decides decides = Decides::nothing;
  bool at_once = false;
  bool secret = false;
  bool repeatable = false;  // load_config joins repeated flags
  bool null_is_a_word = false;
  bool is_flow = false;             // the value may be a list or a map: its text is YAML on one line
  std::string_view other_spelling;  // the key that says the same value in another way; empty: none

  // Parses and range-checks `text` into the config. Returns what is wrong with it, or an empty string.
  std::function<std::string(Config&, std::string_view text)> set;
  // Whether the value is written under this key, and not under that of its other spelling.
  std::function<bool(const Config&)> is_spelled;
  // The value as text that `set` reads back to the same value; "none" where it is written under another key.
  std::function<std::string(const Config&)> get;
  // Whether both have the same value, however it was written; a value that one of them has under another key
  // is not the same.
  std::function<bool(const Config&, const Config&)> equal;
  std::function<void(const Config& from, Config& to)> copy;
};

std::span<const ConfigKey> config_keys();

// By either of its names. Null when there is no such key.
const ConfigKey* find_config_key(std::string_view name);

// FLEET_SIM_SIMULATION_READINGS_PER_SECOND for simulation.readings_per_second.
std::string environment_name(std::string_view key_name);

}  // namespace fleet_sim::config
