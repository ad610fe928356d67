// The commands. Each adds its part to the command line, with options of its own, and says what to run once
// that has been parsed. They run on the main thread, return the process's exit code, and throw InvalidInput,
// run::NoStorage or std::runtime_error for what the user has to fix.
#pragma once

#include <functional>

#include "config/config.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's
class App;
}

namespace fleet_sim::app {

struct Command {
  CLI::App* parsed;  // true in a condition when the command line names this command
  std::function<int()> run;
};

// Throws InvalidInput if the config names a log file that cannot be one.
void check_log_file(const config::Config& config);

// Simulates the fleet. Its options also work without the word `run`.
Command add_run_command(CLI::App& app);

// Validates config and identities, prints what was found, runs nothing.
Command add_check_command(CLI::App& app);

// Shows one sensor's numbers and where each comes from, as text or as JSON.
Command add_explain_command(CLI::App& app);

// Writes identity files.
Command add_generate_command(CLI::App& app);

// Converts the config and identities of another simulator into ours.
Command add_convert_command(CLI::App& app);

// Measures how many readings per second the disk and SQLite can take.
Command add_bench_command(CLI::App& app);

// Prints the digest of data directories and files, as text or as JSON.
Command add_digest_command(CLI::App& app);

// Prints what data directories and files hold, as text or as JSON, or writes it as a page.
Command add_report_command(CLI::App& app);

// Writes the readings of data directories and files as CSV, JSON or line protocol, or its events as labels.
Command add_export_command(CLI::App& app);

// Runs SQL over all files of a data directory, from the argument, standard input or a prompt.
Command add_sql_command(CLI::App& app);

// Judges what an anomaly detector says of a data directory by the ground truth in it, as text or as JSON.
Command add_score_command(CLI::App& app);

// Judges whether rows that went through a pipeline are all readings of a run, once and unchanged, as text or
// as JSON.
Command add_audit_command(CLI::App& app);

// Asks a running fleet whether it is healthy, for container engines and scripts.
Command add_health_command(CLI::App& app);

// Prints what a shell needs to complete our command line.
Command add_completion_command(CLI::App& app);

// Prints the manual. Like the completion, it covers all commands, so both are read once all are added.
Command add_man_command(CLI::App& app);

}  // namespace fleet_sim::app
