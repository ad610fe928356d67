#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstddef>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "app/commands.h"
#include "app/run_options.h"
#include "base/plain_text.h"
#include "base/problems.h"
#include "log/console.h"
#include "log/log.h"
#include "preview/scenario_check.h"
#include "preview/unmatched.h"
#include "run/simulator.h"
#include "run/status_service.h"
#include "run/stop_signals.h"
#include "start/describe_run.h"
#include "start/forecast.h"
#include "status/process.h"
#include "tables/database.h"

namespace fleet_sim::app {
namespace {

// Among log lines that programs read there are no others; the log's summaries stand for the progress.
bool shows_progress(const config::LoggingSettings& logging) {
  const bool for_programs = logging.format == config::LogFormat::json && logging.console_output;
  return !logging.quiet && (!for_programs || log::Console::can_redraw());
}

log::Console::Tone tone_of(spdlog::level::level_enum level) {
  if (level >= spdlog::level::err) return log::Console::Tone::error;
  return level == spdlog::level::warn ? log::Console::Tone::warning : log::Console::Tone::plain;
}

// A warning may have several lines, one per problem that was found.
void log_warnings(const std::vector<std::string>& warnings, log::Log& log) {
  for (const std::string& warning : warnings) {
    std::istringstream lines(warning);
    for (std::string line; std::getline(lines, line);) log.warn("input", line);
  }
}

// What will go wrong, and what looks like a misspelled name.
void warn_of_slips(const start::Inputs& inputs, log::Log& log) {
  if (const std::string warning = start::space_warning(start::forecast(inputs)); !warning.empty()) {
    log.warn("forecast", warning);
  }
  for (const preview::Unmatched& one :
       preview::find_unmatched(inputs.config.behaviors, inputs.identities.roster, inputs.members)) {
    if (one.sensors > 0 && !one.nearest.empty()) log.warn("input", preview::text_of(one));
  }
}

// Each writer has one file open at least, with its log and the log's index.
void check_descriptors(const config::Config& config) {
  constexpr std::size_t elsewhere = 24;
  const std::size_t needed = elsewhere + 3 * config.write.writers;
  status::raise_descriptor_limit(needed);
  const std::size_t limit = status::descriptor_limit();
  if (limit >= needed) return;
  throw run::NoStorage(fmt::format(
      "the limit on open files is {}, but this run needs {}; raise it, for example with: ulimit -n 1024",
      limit, needed));
}

int run_fleet(const start::Arguments& arguments) {
  tables::configure_sqlite();
  run::hold_reloads();
  start::Inputs inputs = start::read_inputs(arguments);
  preview::check_scenario_to_run(inputs, system_now());
  check_descriptors(inputs.config);
  check_log_file(inputs.config);
  const config::LoggingSettings& logging = inputs.config.logging;
  log::Console console(shows_progress(logging));
  log::Log log(start::log_settings(logging), inputs.config.log_file(),
               [&console](auto level, const std::string& line) { console.print_line(line, tone_of(level)); });
  log_warnings(inputs.warnings, log);
  if (!inputs.resumed) warn_of_slips(inputs, log);
  // From here on there are files: a signal is kept until the run can end in order.
  run::StopSignals& signals = run::StopSignals::of_process();
  signals.listen_for_reloads();
  ErrorCounts errors;
  // An address that is taken ends the run before storage is touched. The port is taken, and the log told of
  // it, only once the data directory is ours: until then both may be another run's.
  const config::MonitoringSettings monitoring = inputs.config.monitoring;
  run::check_status_address(monitoring);
  run::Simulator simulator(std::move(inputs), console, log, errors);
  const auto server = run::open_http_server(monitoring, errors, log);
  std::optional<run::StatusService> status;
  if (server) status.emplace(simulator, *server);
  return static_cast<int>(simulator.run(signals));
}

}  // namespace

void check_log_file(const config::Config& config) {
  const std::string reason = log::reason_against_log_file(config.log_file());
  if (reason.empty()) return;
  throw InvalidInput(fmt::format("logging.file {} {}; name a regular file, or null for no log file",
                                 in_quotes(config.log_file()), reason));
}

Command add_run_command(CLI::App& app) {
  const auto arguments = std::make_shared<start::Arguments>();
  CLI::App* command = app.add_subcommand("run", "Simulates the fleet (the default)");
  add_run_options(app, *arguments);
  add_run_options(*command, *arguments);
  return {command, [arguments] { return run_fleet(*arguments); }};
}

}  // namespace fleet_sim::app
