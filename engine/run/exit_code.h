// How a command ends: the process's exit codes.
#pragma once

#include <stdexcept>

namespace fleet_sim::run {

enum class ExitCode : int {
  done = 0,  // also for a run without an end that a signal stopped
  lost_or_gave_up = 1,
  invalid_input = 2,
  no_storage = 3,
  cut_short = 4,  // a signal stopped a run before its end; what was due until then is all there
  forced = 130
};

// Thrown while starting if storage cannot be opened; ends the process with exit code 3.
struct NoStorage : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace fleet_sim::run
