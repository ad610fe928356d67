#include "app/run_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <vector>

#include "config/config_keys.h"

namespace fleet_sim::app {
namespace {

void add_setting(CLI::App& command, const config::ConfigKey& key, start::Arguments& arguments) {
  const std::string flag(key.flag);
  const auto set = [&arguments, &key, flag](const std::string& value) {
    arguments.flags.push_back({std::string(key.name), value, flag});
  };
  if (key.value.empty()) {
    command.add_flag_callback(
        flag, [set, value = flag.starts_with("--no-") ? "false" : "true"] { set(value); }, key.flag_help);
  } else if (key.repeatable) {
    const auto set_each = [set](const std::vector<std::string>& values) {
      std::ranges::for_each(values, set);
    };
    command.add_option_function<std::vector<std::string>>(flag, set_each, key.flag_help)
        ->type_name(std::string(key.value))
        ->allow_extra_args(false);
  } else {
    // As usual on a command line, the last of several wins: a wrapper's flags can be overridden.
    command.add_option_function<std::string>(flag, set, key.flag_help)
        ->type_name(std::string(key.value))
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
}

}  // namespace

void add_run_options(CLI::App& command, start::Arguments& arguments) {
  const auto add_files = [&arguments](const std::vector<std::string>& files) {
    arguments.config_files.insert(arguments.config_files.end(), files.begin(), files.end());
  };
  command
      .add_option_function<std::vector<std::string>>(
          "--config", add_files, "Config file (YAML); repeatable, later files override earlier ones")
      ->type_name("FILE")
      ->allow_extra_args(false);
  for (const config::ConfigKey& key : config::config_keys()) {
    if (!key.flag.empty()) add_setting(command, key, arguments);
  }
  // Who names an address wants to be served, whatever the file or the environment says.
  CLI::Option* address = command.get_option("--status-address");
  address->each([&arguments](const std::string&) {
    arguments.flags.push_back({"monitoring.enabled", "true", "--status-address"});
  });
  address->excludes(command.get_option("--no-status"));
}

}  // namespace fleet_sim::app
