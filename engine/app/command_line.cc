#include "app/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "app/commands.h"
#include "app/version.h"
#include "base/nearest.h"
#include "config/sinks.h"
#include "foreign/names.h"
#include "manual/option_table.h"
#include "run/exit_code.h"

namespace fleet_sim::app {
namespace {

// " (…)", naming what another tool's option is here, or the nearest option or, for a word without dashes,
// command.
std::string hint_for(const CLI::App& command, const std::string& word) {
  const std::string_view ours = foreign::equivalent_of_option(word);
  if (!ours.empty()) return fmt::format(" (use {} instead)", ours);
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  if (!word.starts_with('-')) {
    for (const CLI::App* sub : command.get_subcommands(nullptr)) names.push_back(sub->get_name());
  }
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  return did_you_mean(word, candidates);
}

std::string command_words(const CLI::App& command) {
  return command.get_parent() == nullptr ? "fleet-sim" : "fleet-sim " + command.get_name();
}

int explain_parse_error(const CLI::App& app, const CLI::ParseError& error) {
  const auto chosen = app.get_subcommands();
  const CLI::App& command = chosen.empty() ? app : *chosen.front();
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    const std::vector<std::string> extras =
        command.remaining().empty() ? app.remaining() : command.remaining();
    const std::string word = extras.empty() ? "" : extras.front().substr(0, extras.front().find('='));
    std::fprintf(stderr, "fleet-sim: unknown argument '%s'%s\n", word.c_str(),
                 hint_for(command, word).c_str());
  } else {
    std::fprintf(stderr, "fleet-sim: %s\n", error.what());
  }
  std::fprintf(stderr, "`%s --help` lists the options\n", command_words(command).c_str());
  return static_cast<int>(run::ExitCode::invalid_input);
}

// `fleet-sim help report` asks for what `fleet-sim report --help` prints.
void read_help_command(std::vector<char*>& words) {
  static char flag[] = "--help";
  if (words.size() < 2 || std::string_view(words[1]) != "help") return;
  words.erase(words.begin() + 1);
  words.push_back(flag);
}

// After the commands, which would inherit it, are added.
void describe_run(CLI::App& app) {
  const char* text =
      "Every run option is also a config key and an environment variable, FLEET_SIM_<SECTION>_<KEY>.\n"
      "Flags override environment variables, which override the config file.\n"
      "Exit codes: 0 success, 1 readings lost or too many errors, 2 bad input, 3 no storage, 4 stopped by a\n"
      "signal before its end, 130 forced stop.\n\n"
      "  fleet-sim --identities ./identities --shard-by location\n"
      "  fleet-sim --identities fleet.jsonl --speed max --start 2026-01-01 --duration 30d\n"
      "  fleet-sim COMMAND --help";
  app.footer(text);
  app.get_subcommand("run")->footer(text);
}

}  // namespace

int run_command_line(int argc, char** argv) {
  std::vector<char*> words(argv, argv + argc);
  read_help_command(words);
  CLI::App app("Simulates a fleet of industrial sensors and writes every reading to SQLite files.",
               "fleet-sim");
  app.set_version_flag("-V,--version", version_text, "Print version information and exit");
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.require_subcommand(0, 1);

  // In the order in which --help lists them; the first is what runs without a command's name.
  const std::vector<Command> commands{
      add_run_command(app),      add_check_command(app),      add_explain_command(app),
      add_generate_command(app), add_convert_command(app),    add_bench_command(app),
      add_digest_command(app),   add_report_command(app),     add_export_command(app),
      add_sql_command(app),      add_score_command(app),      add_audit_command(app),
      add_health_command(app),   add_completion_command(app), add_man_command(app)};

  describe_run(app);
  manual::expand_homes(app);

  try {
    app.parse(static_cast<int>(words.size()), words.data());
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    return explain_parse_error(app, error);
  }
  for (char* const argument : words) config::overwrite_secrets({argument, std::strlen(argument)});
  for (const Command& command : commands) {
    if (*command.parsed) return command.run();
  }
  return commands.front().run();
}

}  // namespace fleet_sim::app
