#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "app/commands.h"
#include "app/output.h"
#include "app/run_options.h"
#include "base/clock.h"
#include "base/nearest.h"
#include "base/plain_text.h"
#include "base/problems.h"
#include "base/text.h"
#include "explain/explained_sensor.h"
#include "explain/reading_cost.h"
#include "fleet/fleet.h"
#include "run/exit_code.h"

namespace fleet_sim::app {
namespace {

struct ExplainOptions {
  start::Arguments arguments;
  std::string id;
  bool json = false;
};

[[noreturn]] void refuse_unknown(const std::string& id, const identity::Roster& roster) {
  std::vector<std::string_view> ids;
  const std::size_t looked_at = std::min(roster.size(), fleet::most_sensors);
  ids.reserve(looked_at);
  for (std::size_t i = 0; i < looked_at; ++i) ids.push_back(roster[i].id);
  throw InvalidInput(fmt::format("no sensor {} among {}{}", in_quotes(id),
                                 counted(roster.size(), "identity", "identities"), did_you_mean(id, ids)));
}

std::uint32_t find_sensor(const std::string& id, const identity::Roster& roster) {
  for (std::uint32_t i = 0; i < roster.size(); ++i) {
    if (roster[i].id == id) return i;
  }
  refuse_unknown(id, roster);
}

int explain(const ExplainOptions& options) {
  const start::Inputs inputs = start::read_inputs_of_all(options.arguments);
  const std::uint32_t index = find_sensor(options.id, inputs.identities.roster);
  Problems problems;
  fleet::check_members(inputs.identities.roster, std::array{index}, inputs.config, problems, *inputs.types);
  if (!problems.empty()) throw InvalidInput(problems.text());
  for (const std::string& warning : inputs.warnings) std::fprintf(stderr, "fleet-sim: %s\n", warning.c_str());
  explain::ExplainedSensor sensor = explain::explain_sensor(inputs.config, inputs.identities.roster, index,
                                                            system_now(), *inputs.types, inputs.origins);
  sensor.reading_nanoseconds =
      explain::measure_reading(sensor.explanation.profile, sensor.location, sensor.period);
  print(options.json ? explain::json_of(sensor) : explain::text_of(sensor));
  return static_cast<int>(run::ExitCode::done);
}

}  // namespace

Command add_explain_command(CLI::App& app) {
  const auto options = std::make_shared<ExplainOptions>();
  CLI::App* command = app.add_subcommand("explain", "Shows one sensor's numbers and where each comes from");
  command->add_option("ID", options->id, "The sensor's id")->required();
  command->add_flag("--json", options->json, "Print JSON with every step behind each number");
  add_run_options(*command, options->arguments);
  command->footer(
      "  fleet-sim explain OUTDOOR_1 --identities ./identities\n"
      "  fleet-sim explain OUTDOOR_1 --identities ./identities --config my.yaml --json");
  return {command, [options] { return explain(*options); }};
}

}  // namespace fleet_sim::app
