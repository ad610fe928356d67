#include "app/command_line.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "app/commands.h"
#include "app/version.h"
#include "base/nearest.h"
#include "run/exit_code.h"

namespace fleet_sim::app {
namespace {

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
  return static_cast<int>(run::ExitCode::invalid_input);
}

}  // namespace

int run_command_line(int argc, char** argv) {
  CLI::App app("Simulates a fleet of industrial sensors and writes every reading into SQLite files.",
               "fleet-sim");
  app.set_version_flag("--version", version_text);
  app.footer(
      "Every run option is also a config key and an environment variable FLEET_SIM_<SECTION>_<KEY>;\n"
      "a flag beats the environment, the environment the file, the file the default.\n"
      "Exit codes: 0 done, 1 readings lost or error limit, 2 bad input, 3 no storage, 130 forced.\n\n"
      "  fleet-sim --identities ./identities --shard-by location\n"
      "  fleet-sim --identities fleet.jsonl --speed max --start 2026-01-01 --duration 30d");
  app.require_subcommand(0, 1);

  // In the order in which --help lists them; the first is what runs without a command's name.
  const std::vector<Command> commands{
      add_run_command(app),        add_check_command(app),  add_explain_command(app),
      add_generate_command(app),   add_bench_command(app),  add_digest_command(app),
      add_report_command(app),     add_export_command(app), add_health_command(app),
      add_completion_command(app), add_man_command(app)};

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    return explain_parse_error(app, error);
  }
  for (const Command& command : commands) {
    if (*command.parsed) return command.run();
  }
  return commands.front().run();
}

}  // namespace fleet_sim::app
