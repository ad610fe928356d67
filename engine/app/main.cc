// fleet-sim's entry point: turns the command line into a call of one command, and what a command throws into
// an exit code. Every `run` option comes from the table of config keys.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "app/commands.h"
#include "app/generate_command.h"
#include "base/nearest.h"
#include "base/problems.h"
#include "config/config_keys.h"

namespace fleet_sim {
namespace {

void add_setting(CLI::App& command, const ConfigKey& key, Arguments& arguments) {
  const std::string flag(key.flag);
  const auto set = [&arguments, &key, flag](const std::string& value) {
    arguments.flags.push_back({std::string(key.name), value, flag});
  };
  const std::string help(key.help);
  if (key.value.empty()) {
    command.add_flag_callback(
        flag, [set] { set("true"); }, help);
  } else if (key.repeatable) {
    const auto set_each = [set](const std::vector<std::string>& values) {
      std::ranges::for_each(values, set);
    };
    command.add_option_function<std::vector<std::string>>(flag, set_each, help)
        ->type_name(std::string(key.value))
        ->allow_extra_args(false);
  } else {
    // As usual on a command line, the last of several wins: a wrapper's flags can be overridden.
    command.add_option_function<std::string>(flag, set, help)
        ->type_name(std::string(key.value))
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
}

void add_run_options(CLI::App& command, Arguments& arguments) {
  command.add_option("--config", arguments.config_file, "Config file (YAML), merged over the defaults")
      ->type_name("FILE");
  for (const ConfigKey& key : config_keys()) {
    if (!key.flag.empty()) add_setting(command, key, arguments);
  }
}

void add_generate_options(CLI::App& command, GenerateOptions& options, std::string& preset) {
  command.add_option("--preset", preset, "A ready-made fleet: demo (15 sensors)")
      ->type_name("NAME")
      ->check(CLI::IsMember({"demo"}));
  command.add_option("--count", options.count, "How many sensors to draw from the mix")->type_name("N");
  command
      .add_option("--out", options.out,
                  "Folder (a file per sensor), FILE.jsonl (a line per sensor), or - for standard output")
      ->type_name("DIR|FILE")
      ->required();
  command.add_option("--seed", options.seed, "Seed of the draw (default 1)")->type_name("N");
  command.add_option("--mix", options.mix_file, "Weighted choices (YAML); see configs/mix.yaml")
      ->type_name("FILE");
}

// Every long option of a command, for "did you mean".
std::string nearest_option(const CLI::App& command, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  for (const CLI::App* sub : command.get_subcommands(nullptr)) names.push_back(sub->get_name());
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  return did_you_mean(word, candidates);
}

int explain_parse_error(const CLI::App& app, const CLI::ParseError& error) {
  const auto chosen = app.get_subcommands();
  const CLI::App& command = chosen.empty() ? app : *chosen.front();
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    const std::vector<std::string> extras =
        command.remaining().empty() ? app.remaining() : command.remaining();
    const std::string word = extras.empty() ? "" : extras.front().substr(0, extras.front().find('='));
    std::fprintf(stderr, "fleet-sim: unknown argument '%s'%s\n", word.c_str(),
                 nearest_option(command, word).c_str());
  } else {
    std::fprintf(stderr, "fleet-sim: %s\n", error.what());
  }
  std::fprintf(stderr, "`fleet-sim --help` lists the options\n");
  return static_cast<int>(ExitCode::invalid_input);
}

int run_main(int argc, char** argv) {
  CLI::App app("Simulates a fleet of industrial sensors and writes every reading into SQLite files.",
               "fleet-sim");
  app.set_version_flag("--version", "fleet-sim " FLEET_SIM_VERSION);
  app.footer(
      "Every run option is also a config key and an environment variable FLEET_SIM_<SECTION>_<KEY>;\n"
      "a flag beats the environment, the environment the file, the file the default.\n"
      "Exit codes: 0 done, 1 readings lost or error limit, 2 bad input, 3 no storage, 130 forced.\n\n"
      "  fleet-sim --identities ./identities --shard-by location\n"
      "  fleet-sim --identities fleet.jsonl --speed max --start 2026-01-01 --duration 30d");
  app.require_subcommand(0, 1);

  Arguments arguments;
  GenerateOptions generate;
  std::string preset;
  std::string directory;
  bool json = false;
  add_run_options(app, arguments);
  CLI::App* run = app.add_subcommand("run", "Simulates the fleet (the default)");
  add_run_options(*run, arguments);
  CLI::App* check =
      app.add_subcommand("check", "Validates config and identities, prints every problem, runs nothing");
  add_run_options(*check, arguments);
  CLI::App* generator = app.add_subcommand("generate", "Writes identity files");
  add_generate_options(*generator, generate, preset);
  CLI::App* digest = app.add_subcommand("digest", "Prints an order-independent digest of a data directory");
  digest->add_option("DIR", directory, "Data directory")->required();
  digest->add_flag("--json", json, "As JSON, with every shard");

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    return explain_parse_error(app, error);
  }
  if (*check) return check_command(arguments);
  if (*digest) return digest_command(directory, json);
  if (*generator) {
    generate.demo = !preset.empty();
    return generate_command(generate);
  }
  return run_command(arguments);
}

// Where standard input, output or error is closed, the next file opened would take its place and get our
// messages.
void occupy_standard_descriptors() {
  int descriptor = 0;
  while (descriptor >= 0 && descriptor <= STDERR_FILENO) descriptor = open("/dev/null", O_RDWR);
  if (descriptor > STDERR_FILENO) close(descriptor);
}

int fail(const char* what, ExitCode code) {
  std::fprintf(stderr, "fleet-sim: %s\n", what);
  return static_cast<int>(code);
}

}  // namespace
}  // namespace fleet_sim

int main(int argc, char** argv) {
  using namespace fleet_sim;
  // A reader of our output that goes away must not end a run.
  std::signal(SIGPIPE, SIG_IGN);
  occupy_standard_descriptors();
  try {
    return run_main(argc, argv);
  } catch (const InvalidInput& error) {
    return fail(error.what(), ExitCode::invalid_input);
  } catch (const NoStorage& error) {
    return fail(error.what(), ExitCode::no_storage);
  } catch (const std::exception& error) {
    return fail(error.what(), ExitCode::lost_or_gave_up);
  }
}
