#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "app/commands.h"
#include "app/output.h"
#include "app/run_options.h"
#include "base/plain_text.h"
#include "base/problems.h"
#include "base/text.h"
#include "data/write_access.h"
#include "declare/declarations.h"
#include "explain/reading_cost.h"
#include "fleet/profile_table.h"
#include "preview/scenario_summary.h"
#include "preview/unmatched.h"
#include "run/exit_code.h"
#include "sqlite/shard_plan.h"
#include "start/adjustments.h"
#include "start/filling.h"
#include "start/forecast.h"
#include "start/open_files.h"
#include "start/sinks.h"
#include "types/built_in_type.h"
#include "yaml/forms.h"

namespace fleet_sim::app {
namespace {

// Beyond these, a typing error is lost among names that are meant as they are.
constexpr std::size_t most_unmatched_shown = 20;

std::string inputs_text(const start::Inputs& inputs) {
  const config::Partition& partition = inputs.config.fleet.partition;
  std::string text =
      fmt::format("config ok; {} in {}", counted(inputs.identities.roster.size(), "identity", "identities"),
                  counted(inputs.identities.files, "file"));
  if (partition.count > 1) {
    text += fmt::format(", {} of them in partition {}/{}", grouped(inputs.members.size()), partition.index,
                        partition.count);
  }
  return text;
}

// A line each, those first that look like a slip.
std::string unmatched_text(const start::Inputs& inputs) {
  std::vector<preview::Unmatched> all =
      preview::find_unmatched(inputs.config.behaviors, inputs.identities.roster, inputs.members);
  std::stable_partition(all.begin(), all.end(), [](const auto& one) { return !one.nearest.empty(); });
  std::string text;
  for (std::size_t i = 0; i < std::min(all.size(), most_unmatched_shown); ++i) {
    text += preview::text_of(all[i]) + "\n";
  }
  if (all.size() > most_unmatched_shown) {
    text += fmt::format("... and {} more that match nothing\n", grouped(all.size() - most_unmatched_shown));
  }
  return text;
}

std::string adjustments_text(const start::Inputs& inputs) {
  std::string text;
  for (const std::string& line : start::find_adjustments(inputs)) text += line + "\n";
  return text;
}

// "pump: 3 sensors of 6 channels, about 150 bytes a row, about 90 ns a reading"
std::string type_line(const start::TypeForecast& type, const start::Inputs& inputs, bool keeps_files) {
  const identity::Roster& roster = inputs.identities.roster;
  const identity::Identity& first = roster[type.first];
  const model::Profile profile = model::resolve_profile(
      inputs.config, fleet::profile_source(roster, first, inputs.config, (*inputs.types)[type.name]));
  const Microseconds period = fleet::cadence_of(roster, first, inputs.config).period();
  const double nanoseconds = explain::measure_reading(profile, roster.text(first.location), period);
  return fmt::format("{}: {} of {}{}, about {:.0f} ns a reading\n", printable(type.name),
                     counted(type.sensors, "sensor"), counted(type.channels, "channel"),
                     keeps_files ? fmt::format(", about {:.0f} bytes a row",
                                               type.bytes_per_second / type.readings_per_second)
                                 : "",
                     nanoseconds);
}

// Where there are declared types.
std::string type_lines(const start::Inputs& inputs, const start::Forecast& forecast) {
  std::string text;
  if (inputs.config.types.empty()) return text;
  for (const start::TypeForecast& type : forecast.types)
    text += type_line(type, inputs, forecast.bytes_per_row.has_value());
  return text;
}

// As the run would.
void check_data_directory(const config::Config& config) {
  if (!start::sink_of(config).keeps_files) return;
  const std::string why = data::why_not_writable(config.data_directory());
  if (!why.empty()) throw run::NoStorage(why);
}

// As a config that declares them: what a person copies from. The built-in type comes first, unless the
// config has one in its place.
std::string types_text(const config::Config& config) {
  std::string declared = declare::types_text(config.types);
  const std::string& built_in = types::built_in_type().schema.type();
  if (config.types.contains(built_in)) return declared;
  constexpr std::string_view heading = "types:\n";
  constexpr std::string_view comment =
      "  # The built-in type, with the config's normal_parameters. A declaration of your own takes its "
      "place.\n"
      "  # What it cannot say: the daily cycle and the rise in work hours, which behaviors add to the "
      "built-in\n"
      "  # type only. A source of the kind cycle, or a load with a schedule, adds the like.\n";
  const std::string text =
      declare::types_text({{built_in, declare::built_in_declaration(config.normal_parameters)}});
  return fmt::format("{}{}{}{}", heading, comment, text.substr(heading.size()),
                     declared.empty() ? declared : declared.substr(heading.size()));
}

void print_warnings(const start::Inputs& inputs) {
  for (const std::string& warning : inputs.warnings) std::fprintf(stderr, "fleet-sim: %s\n", warning.c_str());
}

int print_types(const start::Arguments& arguments) {
  print(types_text(start::reread_config(arguments, config::Config())));
  return static_cast<int>(run::ExitCode::done);
}

int print_timeline(const start::Arguments& arguments, bool as_json) {
  const start::Inputs inputs = start::read_inputs(arguments);
  if (inputs.config.scenario.empty())
    throw InvalidInput(
        "--timeline: the config has no `scenario`; name one that has, such as configs/scenarios/");
  print_warnings(inputs);
  const preview::ScenarioSummary summary = preview::summarize_scenario(inputs, inputs.read_at);
  print(as_json ? preview::timeline_json(summary) : preview::timeline_text(summary));
  return static_cast<int>(run::ExitCode::done);
}

// Where there is one.
std::string scenario_text(const start::Inputs& inputs) {
  if (inputs.config.scenario.empty()) return {};
  return preview::brief_text(preview::summarize_scenario(inputs, inputs.read_at));
}

// Where delivery is on.
std::string delivery_text(const config::Config& config) {
  if (!config::delivers(config)) return {};
  const auto share = [](double value) { return yaml::share().text(value); };
  const scenario::Delivery& usual = config.delivery;
  std::string text = fmt::format("delivery: {} dropped, {} late", share(usual.drop), share(usual.late.share));
  if (usual.late.share > 0) text += fmt::format(" (median {})", yaml::span_text(usual.late.median));
  return text + fmt::format(", {} twice, timestamps off by up to {}; rows have the columns {}\n",
                            share(usual.duplicate), yaml::span_text(usual.jitter),
                            types::listed(types::Schema::delivery_columns()));
}

// Where a run would fill its files in another way, or cannot have all of them open.
std::string files_text(const start::Inputs& inputs) {
  if (!start::sink_of(inputs.config).keeps_files) return {};
  if (start::fills_by_sensor(inputs)) return std::string(start::filling_by_sensor) + "\n";
  const std::vector<double> rates(inputs.members.size(), 1.0);
  const sqlite::ShardPlan plan =
      sqlite::plan_shards(inputs.identities.roster, inputs.members, rates, inputs.config, *inputs.types);
  const start::OpenFiles open = start::plan_open_files(inputs.config, plan.shard_count);
  return open.take_turns() ? start::text_of(open) + "\n" : std::string();
}

int check(const start::Arguments& arguments) {
  const start::Inputs inputs = start::read_inputs(arguments);
  check_log_file(inputs.config);
  print_warnings(inputs);
  const start::Forecast forecast = start::forecast(inputs);
  print(inputs_text(inputs) + "\n" + start::text_of(forecast) + "\n" + type_lines(inputs, forecast) +
        delivery_text(inputs.config) + files_text(inputs) + scenario_text(inputs) + adjustments_text(inputs) +
        unmatched_text(inputs));
  if (const std::string warning = start::space_warning(forecast); !warning.empty()) {
    std::fprintf(stderr, "fleet-sim: %s\n", warning.c_str());
  }
  check_data_directory(inputs.config);
  return static_cast<int>(run::ExitCode::done);
}

}  // namespace

Command add_check_command(CLI::App& app) {
  const auto arguments = std::make_shared<start::Arguments>();
  const auto types = std::make_shared<bool>(false);
  CLI::App* command =
      app.add_subcommand("check", "Checks config and identities, and estimates rows, bytes and time");
  add_run_options(*command, *arguments);
  CLI::Option* of_types = command->add_flag(
      "--types", *types,
      "Print the declarations of all types the config knows, to copy from, and check nothing else");
  const auto timeline = std::make_shared<bool>(false);
  CLI::Option* of_timeline =
      command
          ->add_flag(
              "--timeline", *timeline,
              "Print the config's scenario in the order of time: what each entry does to how many sensors, "
              "what matches nothing, and what overlaps")
          ->excludes(of_types);
  const auto as_json = std::make_shared<bool>(false);
  command->add_flag("--json", *as_json, "Print the timeline as JSON")->needs(of_timeline);
  command->footer(
      "Exit codes: 0 no problems, 2 problems found, 3 the data directory may not be written.\n\n"
      "  fleet-sim check --identities ./identities --config my.yaml\n"
      "  fleet-sim check --identities fleet.jsonl --duration 365d --speed max\n"
      "  fleet-sim check --types --config my.yaml\n"
      "  fleet-sim check --timeline --config my.yaml --identities ./identities --start 2026-03-01 --duration "
      "30d");
  return {command, [arguments, types, timeline, as_json] {
            if (*types) return print_types(*arguments);
            return *timeline ? print_timeline(*arguments, *as_json) : check(*arguments);
          }};
}

}  // namespace fleet_sim::app
