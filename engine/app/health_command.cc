#include <CLI/CLI.hpp>
#include <memory>
#include <stdexcept>
#include <string>

#include "app/commands.h"
#include "app/output.h"
#include "app/run_options.h"
#include "run/exit_code.h"
#include "status/health_probe.h"
#include "status/http_server.h"

namespace fleet_sim::app {
namespace {

// Asked where a run with the same config, environment and flags listens.
int print_health(const start::Arguments& arguments) {
  const config::MonitoringSettings monitoring = start::reread_config(arguments, {}).monitoring;
  if (!monitoring.enabled)
    throw std::runtime_error("the config turns the status page off (monitoring.enabled: false)");
  const status::HealthAnswer answer =
      status::ask_health(monitoring.address.empty() ? status::usual_address : monitoring.address);
  print(answer.body);
  return static_cast<int>(answer.healthy ? run::ExitCode::done : run::ExitCode::lost_or_gave_up);
}

}  // namespace

Command add_health_command(CLI::App& app) {
  const auto arguments = std::make_shared<start::Arguments>();
  CLI::App* command = app.add_subcommand(
      "health", "Checks a running fleet; exits with 0 if it is healthy, else with 1 and the reasons");
  add_run_options(*command, *arguments);
  command->footer(
      "  fleet-sim health\n"
      "  fleet-sim health --status-address 127.0.0.1:9000");
  return {command, [arguments] { return print_health(*arguments); }};
}

}  // namespace fleet_sim::app
