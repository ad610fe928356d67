#include "app/generate_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <memory>

#include "app/commands.h"
#include "base/nearest.h"
#include "base/plain_text.h"
#include "base/problems.h"
#include "config/load_config.h"
#include "fleet/profile_table.h"
#include "generate/write_fleet.h"
#include "identity/load_identities.h"
#include "types/catalog.h"

namespace fleet_sim::app {
namespace {

// Where there are configs, they declare all types that may be named.
void check_types(const generate::Mix& mix, const GenerateOptions& options, Problems& problems) {
  if (options.config_files.empty()) return;
  const config::Config config = config::load_config(options.config_files, {}, {}, problems);
  if (!problems.empty()) return;
  const auto types = fleet::types_under(config, types::built_in_types());
  for (const generate::MixChoice& type : mix.type) {
    if (types->find(type.text) != nullptr) continue;
    problems.add("--mix", fmt::format("type {} is declared in no config given with --config{}",
                                      in_quotes(type.text), did_you_mean(type.text, types->names())));
  }
}

generate::Mix chosen_mix(const GenerateOptions& options) {
  Problems problems;
  generate::Mix mix = generate::default_mix();
  const bool names_types =
      options.mix.find('=') != std::string::npos && !std::filesystem::exists(options.mix);
  if (names_types) {
    mix = generate::mix_of_types(options.mix, problems);
  } else if (!options.mix.empty()) {
    mix = generate::load_mix(options.mix, problems);
  }
  if (problems.empty()) check_types(mix, options, problems);
  if (!problems.empty()) throw InvalidInput(problems.text());
  return mix;
}

generate::PlannedFleet asked_fleet(const GenerateOptions& options) {
  if (options.count < 1 || options.count > identity::most_identities) {
    throw InvalidInput(
        fmt::format("--count must be from 1 to {}, not {}", identity::most_identities, options.count));
  }
  return generate::drawn_fleet(chosen_mix(options), options.seed.value_or(1), options.count);
}

}  // namespace

int generate_command(const GenerateOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  const generate::PlannedFleet fleet = options.demo ? generate::demo_fleet() : asked_fleet(options);
  generate::write_fleet(fleet, options.out);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  const std::string where = options.out == "-" ? "standard output" : options.out;
  std::fprintf(stderr, "wrote %llu identities to %s in %.2f s\n", static_cast<unsigned long long>(fleet.size),
               where.c_str(), taken.count());
  return 0;
}

Command add_generate_command(CLI::App& app) {
  const auto options = std::make_shared<GenerateOptions>();
  CLI::App& command = *app.add_subcommand("generate", "Writes identity files");
  command.footer(
      "  fleet-sim generate --preset demo --out identities\n"
      "  fleet-sim generate --count 100000 --mix configs/mix.yaml --out fleet.jsonl\n"
      "  fleet-sim generate --count 100 --mix pump=20,temperature_vibration=80 --out fleet.jsonl");
  command
      .add_option_function<std::string>(
          "--preset", [options](const std::string&) { options->demo = true; },
          "A predefined fleet: demo (15 sensors)")
      ->type_name("demo")
      ->check(CLI::IsMember({"demo"}).description(""));
  command.add_option("--count", options->count, "Number of sensors to draw from the mix")->type_name("N");
  command
      .add_option("--out", options->out,
                  "Folder (a file per sensor), FILE.jsonl (a line per sensor), or - for standard output")
      ->type_name("DIR|FILE")
      ->required();
  command.add_option("--seed", options->seed, "Random seed (default 1)")->type_name("N");
  command
      .add_option("--mix", options->mix,
                  "YAML file of weighted choices, see configs/mix.yaml; or types and their weights, such as "
                  "pump=20,meter=5")
      ->type_name("FILE|TYPES");
  command
      .add_option("--config", options->config_files,
                  "Config file that declares types, to check those of --mix against; repeatable")
      ->type_name("FILE")
      ->allow_extra_args(false);
  return {&command, [options] { return generate_command(*options); }};
}

}  // namespace fleet_sim::app
