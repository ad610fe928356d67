// The story of a benchmark: the generator alone, a warm-up, then round after round over all cells, or the
// search for a rate; with progress on the console throughout. Main thread. Throws run::NoStorage where
// nothing can be measured at all.
#pragma once

#include "benchmark/results.h"
#include "log/console.h"

namespace fleet_sim::run {
class StopSignals;
}

namespace fleet_sim::benchmark {

// Fills `report`, whose options say what to do. After a signal it holds what was measured until then.
void run_bench(BenchReport& report, run::StopSignals& signals, log::Console& console);

}  // namespace fleet_sim::benchmark
