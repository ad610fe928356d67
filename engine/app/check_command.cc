#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "app/commands.h"
#include "app/output.h"
#include "app/run_options.h"
#include "base/text.h"
#include "run/exit_code.h"

namespace fleet_sim::app {
namespace {

int check(const start::Arguments& arguments) {
  const start::Inputs inputs = start::read_inputs(arguments);
  for (const std::string& warning : inputs.warnings) std::fprintf(stderr, "fleet-sim: %s\n", warning.c_str());
  print(fmt::format("config ok; {} identities in {} files, {} of them in partition {}/{}\n",
                    grouped(inputs.identities.roster.size()), grouped(inputs.identities.files),
                    grouped(inputs.members.size()), inputs.config.fleet.partition.index,
                    inputs.config.fleet.partition.count));
  return static_cast<int>(run::ExitCode::done);
}

}  // namespace

Command add_check_command(CLI::App& app) {
  const auto arguments = std::make_shared<start::Arguments>();
  CLI::App* command =
      app.add_subcommand("check", "Validates config and identities, prints every problem, runs nothing");
  add_run_options(*command, *arguments);
  return {command, [arguments] { return check(*arguments); }};
}

}  // namespace fleet_sim::app
