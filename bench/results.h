// Results as people and programs read them: a Markdown table with what it was measured on above it, which can
// be pasted into a README as it stands, and JSON with every round. Pure, but for circumstances().
#pragma once

#include <string>
#include <vector>

#include "benchmark/machine.h"
#include "rounds.h"

namespace fleet_sim::bench {

// What figures mean nothing without.
struct Circumstances {
  benchmark::MachineFacts machine;
  double load_average = 0;  // of the minute before: what else was going on
  std::string commit;       // as it was told to us; may be empty
  unsigned rounds = 0;
};

// Of here and now.
Circumstances circumstances(std::string commit, unsigned rounds);

std::string table_head(const Circumstances& circumstances);
std::string table_row(const Measurement& measurement);

std::string results_json(const Circumstances& circumstances, const std::vector<Measurement>& measurements);

}  // namespace fleet_sim::bench
