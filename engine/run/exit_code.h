// How a command ends: the process's exit codes.
#pragma once

#include "base/problems.h"

namespace fleet_sim::run {

enum class ExitCode : int {
  done = 0,  // also for a run without an end that a signal stopped
  lost_or_gave_up = 1,
  invalid_input = 2,
  no_storage = 3,
  cut_short = 4,  // a signal stopped a run before its end; what was due until then is all there
  forced = 130
};

using fleet_sim::NoStorage;  // ends the process with no_storage

}  // namespace fleet_sim::run
