#include <CLI/CLI.hpp>
#include <memory>
#include <utility>

#include "app/commands.h"
#include "app/console.h"
#include "app/log.h"
#include "app/run_options.h"
#include "app/simulator.h"
#include "app/stop_signals.h"
#include "storage/sqlite.h"

namespace fleet_sim {
namespace {

int run_fleet(const Arguments& arguments) {
  configure_sqlite();
  Inputs inputs = read_inputs(arguments);
  Console console(!inputs.config.logging.quiet);
  const auto log = make_log(inputs.config.logging, inputs.config.log_file(), console);
  for (const std::string& warning : inputs.warnings) log->warn("{}", warning);
  // From here on there are files: a signal is kept until the run can end in order.
  StopSignals signals;
  Simulator simulator(std::move(inputs), console, log);
  return static_cast<int>(simulator.run(signals));
}

}  // namespace

Command add_run_command(CLI::App& app) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("run", "Simulates the fleet (the default)");
  add_run_options(app, *arguments);
  add_run_options(*command, *arguments);
  return {command, [arguments] { return run_fleet(*arguments); }};
}

}  // namespace fleet_sim
