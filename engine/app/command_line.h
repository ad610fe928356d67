// The command line as a whole: all commands with their options, `--help` and `--version`, and the errors for
// everything else. Only the files of this room know CLI11. Main thread.
#pragma once

namespace fleet_sim::app {

// Runs the command that the arguments name and returns the exit code of the process. Throws what the command
// throws.
int run_command_line(int argc, char** argv);

}  // namespace fleet_sim::app
