// fleet-sim with five sensors of a type that is made in code: channels_fleet CHANNELS CONFIG. Files and pages
// are those of a run; end_to_end/channels_test.py holds them against what other programs read there.
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "base/errors.h"
#include "base/problems.h"
#include "config/load_config.h"
#include "log/console.h"
#include "log/log.h"
#include "run/simulator.h"
#include "run/status_service.h"
#include "run/stop_signals.h"
#include "start/inputs.h"
#include "support/made_type.h"
#include "support/rosters.h"
#include "tables/database.h"

using namespace fleet_sim;

namespace {

int run_fleet(const types::SensorType& type, const char* config_file) {
  tables::configure_sqlite();
  start::Inputs inputs;
  Problems problems;
  inputs.config = config::load_config(std::vector<std::filesystem::path>{config_file}, {}, {}, problems);
  if (!problems.empty()) throw InvalidInput(problems.text());
  inputs.identities.roster = test::roster_of(5, type.schema.type());
  inputs.members = test::all_of(inputs.identities.roster);
  inputs.types = test::catalog_of(type);
  const config::MonitoringSettings monitoring = inputs.config.monitoring;
  run::StopSignals signals;
  log::Console console(false);
  log::Log log({}, "", [](auto, const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); });
  ErrorCounts errors;
  run::Simulator simulator(std::move(inputs), console, log, errors);
  const auto server = run::open_http_server(monitoring, errors, log);
  std::optional<run::StatusService> status;
  if (server) status.emplace(simulator, *server);
  return static_cast<int>(simulator.run(signals));
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::fprintf(stderr, "usage: channels_fleet CHANNELS CONFIG\n");
    return 2;
  }
  try {
    return run_fleet(test::type_of(std::stoul(arguments[1])), arguments[2]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
