// The options of a run on the command line, made from the table of config keys, for every command that reads
// the same inputs.
#pragma once

#include "start/inputs.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's
class App;
}

namespace fleet_sim::app {

// What is parsed goes to `arguments`, which outlives the parsing.
void add_run_options(CLI::App& command, start::Arguments& arguments);

}  // namespace fleet_sim::app
