#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include "app/commands.h"
#include "files/new_file.h"
#include "run/exit_code.h"
#include "sql/prompt.h"
#include "sql/session.h"
#include "tables/database.h"

namespace fleet_sim::app {
namespace {

struct SqlOptions {
  std::filesystem::path place;
  std::string query;
  sql::SessionOptions session;
};

void write_result(std::string_view text) {
  files::write_all(STDOUT_FILENO, text, "standard output");
}

void write_note(std::string_view text) {
  files::write_all(STDERR_FILENO, text, "standard error");
}

void run_session(const SqlOptions& options, bool is_prompt) {
  sql::Session session(options.session, write_result, write_note);
  if (is_prompt) return sql::prompt(session, write_note);
  if (!options.query.empty()) {
    session.take_line(options.query);
    return session.finish();
  }
  for (std::string line; !session.has_quit() && std::getline(std::cin, line);) session.take_line(line);
  session.finish();
}

int run_sql(SqlOptions options) {
  constexpr std::size_t widest_on_terminal = 60;
  tables::configure_sqlite();
  const bool is_prompt = options.query.empty() && isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
  options.session.place = options.place.string();
  options.session.tell_effort = options.session.tell_effort || is_prompt;
  if (isatty(STDOUT_FILENO) == 1) options.session.widest = widest_on_terminal;
  try {
    run_session(options, is_prompt);
  } catch (const std::system_error& error) {
    // A reader that has seen enough, such as head, is no failure and wants no message.
    if (error.code() != std::errc::broken_pipe) throw;
  }
  return static_cast<int>(run::ExitCode::done);
}

}  // namespace

Command add_sql_command(CLI::App& app) {
  const auto options = std::make_shared<SqlOptions>();
  CLI::App* command = app.add_subcommand("sql", "Queries all shards as one database");
  command
      ->add_option("PATH", options->place,
                   "Data directory, or file: a shard, a backup, or a database that scripts/collect made")
      ->required();
  command->add_option("QUERY", options->query,
                      "SQL to run; without it, standard input is read, or on a terminal, a prompt begins");
  command
      ->add_option("--format", options->session.format,
                   "How to print results: table (the default), csv or json")
      ->type_name("table|csv|json");
  command->add_flag("--skip-unreadable", options->session.skip_unreadable,
                    "Leave out files that cannot be read, and name them, instead of ending with exit code 1");
  command->add_flag("--stats", options->session.tell_effort,
                    "Print to standard error, after each statement, its time and what was read");
  command->footer(
      "Tables: sensor_readings, and sensor_readings_TYPE for each declared type; anomaly_events, sensors, "
      "run_info and all others that the files have. Nothing can be changed.\n\n"
      "  fleet-sim sql data 'SELECT location, count(*) FROM sensor_readings GROUP BY location'\n"
      "  fleet-sim sql data --format csv 'SELECT * FROM anomaly_events' > events.csv\n"
      "  fleet-sim sql data .tables\n"
      "  fleet-sim sql data < questions.sql");
  return {command, [options] { return run_sql(*options); }};
}

}  // namespace fleet_sim::app
