#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "app/commands.h"
#include "app/output.h"
#include "base/problems.h"
#include "base/text.h"
#include "convert/convert.h"
#include "run/exit_code.h"

namespace fleet_sim::app {
namespace {

struct ConvertOptions {
  std::string config;
  std::vector<std::string> identities;
  std::string out;
};

std::string text_of(const convert::Conversion& conversion) {
  std::string text;
  std::string check = "fleet-sim check";
  if (!conversion.config.empty()) {
    text += fmt::format("wrote {}: {}, {} of them translated\n", conversion.config,
                        counted(conversion.settings, "setting"), grouped(conversion.translated));
    check += fmt::format(" --config {}", conversion.config);
  }
  if (!conversion.identities.empty()) {
    text += fmt::format("wrote {}: {}\n", conversion.identities,
                        counted(conversion.sensors, "identity", "identities"));
    check += fmt::format(" --identities {}", conversion.identities);
  }
  if (!conversion.left_out.empty()) text += "left out:\n";
  for (const std::string& line : conversion.left_out) text += fmt::format("  {}\n", line);
  return text + fmt::format("check it with: {}\n", check);
}

int convert_files(const ConvertOptions& options) {
  if (options.config.empty() && options.identities.empty()) {
    throw InvalidInput("convert needs --config FILE, --identities PATH or both");
  }
  convert::Request request;
  if (!options.config.empty()) request.config = options.config;
  request.identities.assign(options.identities.begin(), options.identities.end());
  request.out = options.out;
  print(text_of(convert::convert(request)));
  return static_cast<int>(run::ExitCode::done);
}

}  // namespace

Command add_convert_command(CLI::App& app) {
  const auto options = std::make_shared<ConvertOptions>();
  CLI::App& command = *app.add_subcommand(
      "convert", "Converts the config and identities of another simulator, and lists what has no equivalent");
  command.footer(
      "Exit codes: 0 converted, even if something has no equivalent, 2 bad input.\n\n"
      "  fleet-sim convert --config theirs.yaml --identities node_identity.json --out converted\n"
      "  fleet-sim check --config converted/config.yaml --identities converted/identities");
  command.add_option("--config", options->config, "Config of the other simulator (YAML)")->type_name("FILE");
  command
      .add_option("--identities,--identity", options->identities,
                  "Folder, .json or .jsonl file of its sensors; repeatable")
      ->type_name("PATH")
      ->allow_extra_args(false);
  command.add_option("--out", options->out, "Folder for the converted files, new or empty")
      ->type_name("DIR")
      ->required();
  return {&command, [options] { return convert_files(*options); }};
}

}  // namespace fleet_sim::app
