// The commands `completion` and `man`: what fleet-sim says about its own command line, for packages and
// shells.
#include <CLI/CLI.hpp>

#include "app/commands.h"
#include "app/output.h"
#include "manual/completion.h"
#include "manual/manual.h"
#include "run/exit_code.h"

namespace fleet_sim::app {

Command add_completion_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("completion", "Prints the completion script for a shell");
  command->footer("  source <(fleet-sim completion bash)");
  command->add_option("SHELL", "The shell: bash")
      ->type_name("bash")
      ->required()
      ->check(CLI::IsMember({"bash"}).description(""));
  return {command, [&app] {
            print(manual::bash_completion(manual::read_option_table(app)));
            return static_cast<int>(run::ExitCode::done);
          }};
}

Command add_man_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("man", "Prints the manual as a man page");
  command->footer("  fleet-sim man | man -l -");
  return {command, [&app] {
            print(manual::manual_page(manual::read_option_table(app)));
            return static_cast<int>(run::ExitCode::done);
          }};
}

}  // namespace fleet_sim::app
