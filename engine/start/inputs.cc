#include "start/inputs.h"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <iterator>
#include <tuple>
#include <utility>

#include "base/clock.h"
#include "base/plain_text.h"
#include "base/problems.h"
#include "base/text.h"
#include "config/units.h"
#include "fleet/fleet.h"
#include "fleet/partition.h"
#include "identity/identity_rules.h"
#include "manifest/manifest.h"
#include "manifest/read_manifest.h"
#include "start/filling.h"
#include "start/foreign_variables.h"
#include "start/idle_settings.h"
#include "start/resume.h"
#include "start/sinks.h"
#include "timeline/script.h"
#include "zones/zone_data.h"

namespace fleet_sim::start {
namespace {

std::optional<std::string> environment_variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

// The first of the variables that is set, with its name.
std::optional<std::pair<std::string, std::string>> first_set(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (auto value = environment_variable(name)) return std::pair(std::string(name), *value);
  }
  return std::nullopt;
}

// DEFAULT_IDENTITIES stands behind everything else that may name identities. The container image sets it.
void name_usual_identities(config::FleetSettings& fleet, Problems& problems) {
  constexpr const char* variable = "DEFAULT_IDENTITIES";
  const auto usual = environment_variable(variable);
  if (!usual || !identity_paths(fleet).empty()) return;
  const std::string wrong = config::parse_path(*usual, fleet.identities.emplace_back());
  if (!wrong.empty()) problems.add(variable, wrong);
}

config::Config read_config(const Arguments& arguments, const config::Config& defaults = {},
                           config::Origins* origins = nullptr) {
  Problems problems;
  const std::vector<std::filesystem::path> files = config_files(arguments);
  std::vector<config::Setting> environment = config::environment_settings(environ, problems);
  if (const auto named = first_set({"SENSOR_IDENTITY_FILE", "IDENTITY_FILE"})) {
    environment.insert(environment.begin(), {"fleet.identity", named->second, named->first});
  }
  config::Config config =
      config::load_config(files, environment, arguments.flags, problems, defaults, origins);
  const std::string wrong = fleet::resolve_partition(config.fleet.partition, environment_variable);
  if (!wrong.empty()) problems.add("--partition", wrong);
  name_usual_identities(config.fleet, problems);
  if (!problems.empty()) throw InvalidInput(problems.text());
  return config;
}

// A run that is killed at once leaves its manifest, but nothing in its files.
std::optional<manifest::RecordedRun> run_without_rows(const config::Config& config) {
  try {
    return manifest::find_run(manifest::Paths(config.data_directory(), config.fleet.partition).run);
  } catch (const InvalidInput&) {  // no manifest of ours
    return std::nullopt;
  }
}

std::string nothing_to_resume(const config::Config& config) {
  std::string text = place_of_readings(config) + " has no run to resume";
  if (const auto begun = run_without_rows(config))
    text += fmt::format(", and nothing of run {}, which began there: --seed {} begins the same one again",
                        printable(begun->run.run_id), begun->run.seed);
  return text;
}

// A run that goes on has its own config for its defaults, but lies where we found it, and what it shows and
// logs is for this process to say.
void resume_run(const Arguments& arguments, Inputs& inputs, data::RunRecord& record) {
  const std::string directory = inputs.config.data_directory();
  std::optional<ResumableRun> run = find_run(inputs.config);
  if (!run) {
    inputs.warnings.push_back(nothing_to_resume(inputs.config) + "; starting a new one");
    return;
  }
  config::Config recorded = latest_config(*run);
  inputs.resumed = run->info;
  record = std::move(run->record);
  recorded.sqlite.data_dir = directory;
  recorded.logging = config::LoggingSettings{};
  inputs.defaults = recorded;
  recorded.monitoring = config::MonitoringSettings{};
  inputs.config = read_config(arguments, recorded, &inputs.origins);
  Problems problems;
  check_resumable(inputs.config, recorded, problems);
  if (!problems.empty()) throw InvalidInput(problems.text());
}

// SENSOR_ID and SENSOR_LOCATION rename the one sensor of a single-sensor run; without any identity they make
// one.
void apply_sensor_variables(identity::LoadedIdentities& identities, bool files_were_named,
                            Problems& problems) {
  const auto id = environment_variable("SENSOR_ID");
  const auto location = environment_variable("SENSOR_LOCATION");
  if (!id && !location) return;
  if (identities.roster.size() > 1) {
    problems.add(
        id ? "SENSOR_ID" : "SENSOR_LOCATION",
        fmt::format(
            "is for a run of one sensor, but there are {}; unset it, or name one sensor with --identity FILE",
            identities.roster.size()));
    return;
  }
  if (identities.roster.size() == 0 && (files_were_named || !id)) return;
  identity::IdentityRecord record;
  if (identities.roster.size() == 1) record = identities.roster.record(identities.roster[0]);
  if (id) record.id = *id;
  if (location) record.location = *location;
  for (const auto& [variable, name, value] : {std::tuple("SENSOR_ID", "id", record.id),
                                              std::tuple("SENSOR_LOCATION", "location", record.location)}) {
    const std::string problem = identity::text_problem(name, value);
    if (!problem.empty()) problems.add(variable, problem);
  }
  identities.roster = identity::Roster();
  identities.roster.add(record);
}

bool files_are_named(const config::Config& config) {
  return !identity_paths(config.fleet).empty();
}

void check_any_identity(const Inputs& inputs, Problems& problems) {
  if (!problems.empty() || inputs.identities.roster.size() > 0) return;
  if (files_are_named(inputs.config)) {
    problems.add("identities", "the files contain no usable identity");
    return;
  }
  const std::string where =
      inputs.config.simulation.resume && !inputs.resumed ? nothing_to_resume(inputs.config) + "; " : "";
  problems.add("identities",
               where +
                   "no sensors given; use --identities DIR|FILE.json|FILE.jsonl, --identity FILE or "
                   "SENSOR_ID (`fleet-sim generate --preset demo --out identities` makes 15)");
}

// `all` counts those of all partitions.
void check_fleet_size(std::size_t sensors, std::size_t all, const config::Config& config,
                      Problems& problems) {
  if (!problems.empty()) return;
  if (sensors == 0) {
    problems.add("--partition",
                 fmt::format("partition {} has no sensors ({} in all); use fewer partitions",
                             config::partition_text(config.fleet.partition), counted(all, "sensor")));
  } else if (sensors > fleet::most_sensors) {
    problems.add(
        "identities",
        fmt::format("{} sensors, but one process simulates at most {}; split them with --partition K/N",
                    sensors, fleet::most_sensors));
  }
}

// The identities that the config names, without members.
void read_identities(Inputs& inputs, Problems& problems) {
  const std::vector<std::filesystem::path> paths = identity_paths(inputs.config.fleet);
  Problems identity_problems;
  if (!paths.empty()) inputs.identities = identity::load_identities(paths, identity_problems, *inputs.types);
  if (inputs.config.fleet.skip_invalid && inputs.identities.roster.size() > 0) {
    if (!identity_problems.empty()) {
      inputs.warnings.push_back(fmt::format("skipping {} invalid identities:\n{}", inputs.identities.invalid,
                                            identity_problems.text()));
    }
  } else {
    problems.append(identity_problems);
  }
  apply_sensor_variables(inputs.identities, !paths.empty(), problems);
}

// Config and identities, without members. A config that cannot be used is thrown at once; what is wrong with
// the identities goes to `problems`. `record` is that of the run to go on with, if there is one.
Inputs read_files(const Arguments& arguments, data::RunRecord& record, Problems& problems) {
  Inputs inputs;
  inputs.read_at = system_now();
  inputs.config = read_config(arguments, {}, &inputs.origins);
  if (inputs.config.simulation.resume) resume_run(arguments, inputs, record);
  inputs.arguments = arguments;
  inputs.types = fleet::types_under(inputs.config, types::built_in_types());
  read_identities(inputs, problems);
  return inputs;
}

void warn_of_unknown_keys(Inputs& inputs) {
  if (inputs.identities.unknown_keys.empty()) return;
  std::string keys;
  for (const std::string& key : inputs.identities.unknown_keys) keys += (keys.empty() ? "" : ", ") + key;
  inputs.warnings.push_back(
      fmt::format("keeping identity keys that change no reading, as extras of their sensors: {}", keys));
}

void warn_of_passed_over(Inputs& inputs) {
  if (std::string text = identity::text_of(inputs.identities.passed_over); !text.empty())
    inputs.warnings.push_back(std::move(text));
}

// Of a question about any one sensor.
void warn_of_scenario(Inputs& inputs) {
  if (inputs.config.scenario.empty()) return;
  inputs.warnings.push_back(
      "the scenario is left out: a sensor is what its identity says, as if no entry had reached it");
}

void warn_of_foreign_variables(Inputs& inputs) {
  for (std::string& warning : foreign_variable_warnings(environ)) {
    inputs.warnings.push_back(std::move(warning));
  }
}

void warn_of_overload(Inputs& inputs) {
  if (inputs.config.simulation.overload != config::Overload::skip || !inputs.config.clock.speed.max) return;
  inputs.warnings.push_back(
      "simulation.overload: skip has no effect at clock.speed max, where no reading is late; readings wait");
}

// Readings of moments for which the two differ would not be those that the run began to make.
void warn_of_other_zone_data(Inputs& inputs) {
  const std::string now = zones::zone_data_version();
  if (!inputs.resumed || inputs.resumed->zone_data.empty() || inputs.resumed->zone_data == now) return;
  const identity::Roster& roster = inputs.identities.roster;
  const auto follows_a_zone = [&](std::uint32_t member) {
    return inputs.config.clock.zone.is_named() || !roster.overrides(roster[member]).time_zone.empty();
  };
  if (std::ranges::none_of(inputs.members, follows_a_zone)) return;
  inputs.warnings.push_back(
      fmt::format("the run began with the time zone data {}, but {} is installed; sensors with a time zone "
                  "may read other "
                  "values from here on",
                  inputs.resumed->zone_data, now.empty() ? "others" : now));
}

void check_filling(const Inputs& inputs) {
  if (inputs.config.sqlite.bulk != config::Bulk::on) return;
  if (const std::string why = why_not_by_sensor(inputs); !why.empty())
    throw InvalidInput("database.bulk: on is not possible: " + why);
}

// The members of this process's partition, and what only they and the config together can tell.
void choose_members(Inputs& inputs, Problems& problems) {
  const identity::Roster& roster = inputs.identities.roster;
  inputs.members = fleet::partition_members(roster, inputs.config.fleet.partition);
  fleet::check_members(roster, inputs.members, inputs.config, problems, *inputs.types);
  check_any_identity(inputs, problems);
  check_fleet_size(inputs.members.size(), roster.size(), inputs.config, problems);
}

// What is wrong with each file's members under the config, if anything.
std::vector<std::string> objections_to(const IdentityLook& look, const std::vector<std::uint32_t>& members,
                                       const config::Config& config, const types::Catalog& types) {
  std::vector<std::string> objections;
  auto next = members.begin();
  for (const identity::LoadedFile& file : look.identities.sources) {
    const auto begin = next;
    next = std::find_if(begin, members.end(),
                        [&](std::uint32_t member) { return member >= file.first + file.identities; });
    Problems problems;
    fleet::check_members(look.identities.roster, {begin, next}, config, problems, types);
    objections.push_back(
        problems.empty() ? "" : fmt::format("{}: {}", identity::place_in(file.path), problems.text()));
  }
  return objections;
}

}  // namespace

std::vector<std::filesystem::path> config_files(const Arguments& arguments) {
  if (!arguments.config_files.empty()) return {arguments.config_files.begin(), arguments.config_files.end()};
  const auto named = first_set({"SENSOR_CONFIG", "CONFIG_FILE"});
  if (!named) return {};
  std::string lines = named->second;
  std::ranges::replace(lines, ':', '\n');
  std::vector<std::string> paths;
  const std::string wrong = config::parse_paths(lines, paths);
  if (!wrong.empty()) throw InvalidInput(fmt::format("{}: {}", named->first, wrong));
  return {paths.begin(), paths.end()};
}

std::vector<std::filesystem::path> identity_paths(const config::FleetSettings& fleet) {
  std::vector<std::filesystem::path> paths(fleet.identities.begin(), fleet.identities.end());
  if (!fleet.identity.empty()) paths.emplace_back(fleet.identity);
  return paths;
}

config::Config reread_config(const Arguments& arguments, const config::Config& defaults) {
  return read_config(arguments, defaults);
}

IdentityLook reread_identities(const config::Config& config, const types::Catalog& types,
                               const identity::StandingFiles& standing) {
  IdentityLook look;
  Problems of_files;  // each file keeps its own
  look.identities =
      identity::load_identities(identity_paths(config.fleet), of_files, types, identity::RepeatedIds::kept);
  Problems problems;
  if (look.identities.full) problems.append(of_files);  // what was not read has not gone
  apply_sensor_variables(look.identities, true, problems);
  if (!problems.empty()) throw InvalidInput(problems.text());
  const identity::Roster& roster = look.identities.roster;
  const std::vector<std::uint32_t> members = fleet::partition_members(roster, config.fleet.partition);
  look.taken = identity::take_files(standing, look.identities, objections_to(look, members, config, types));
  std::ranges::copy_if(members, std::back_inserter(look.members),
                       [&](std::uint32_t member) { return look.taken.identities[member]; });
  return look;
}

void check_fleet_size(std::size_t sensors, std::size_t all, const config::Config& config) {
  Problems problems;
  if (sensors == 0 && config.fleet.partition.count == 1)
    problems.add("identities", "the files have no usable identity");
  check_fleet_size(sensors, all, config, problems);
  if (!problems.empty()) throw InvalidInput(problems.text());
}

Inputs read_inputs(const Arguments& arguments) {
  Problems problems;
  data::RunRecord record;
  Inputs inputs = read_files(arguments, record, problems);
  choose_members(inputs, problems);
  if (inputs.resumed && problems.empty()) follow_fleet(inputs, record, problems);
  warn_of_other_zone_data(inputs);
  if (!problems.empty()) throw InvalidInput(problems.text());
  check_filling(inputs);
  timeline::note_texts(inputs.identities.roster, inputs.config.scenario);
  warn_of_unknown_keys(inputs);
  warn_of_passed_over(inputs);
  warn_of_foreign_variables(inputs);
  warn_of_overload(inputs);
  std::ranges::move(idle_anomaly_settings(inputs), std::back_inserter(inputs.warnings));
  return inputs;
}

Inputs read_inputs_of_all(const Arguments& arguments) {
  Problems problems;
  data::RunRecord record;
  Inputs inputs = read_files(arguments, record, problems);
  check_any_identity(inputs, problems);
  if (!problems.empty()) throw InvalidInput(problems.text());
  warn_of_unknown_keys(inputs);
  warn_of_passed_over(inputs);
  warn_of_scenario(inputs);
  return inputs;
}

}  // namespace fleet_sim::start
