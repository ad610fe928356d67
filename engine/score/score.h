// How good a detector is, judged against what a run says was wrong: all sensors together, and group by group.
// Main thread; sensors are judged on oneTBB's threads. Memory is bounded as truth.h says, and in the same way
// for the rows of the detections; 4 bytes for each event that was found, in each of its groups. Throws
// InvalidInput for detections that cannot be used.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "score/baselines.h"
#include "score/detections.h"
#include "score/judge.h"
#include "score/truth.h"

namespace fleet_sim::score {

struct Verdict {
  std::string run;       // or whatever the sources were
  std::string detector;  // a file or a baseline
  std::uint64_t sensors = 0;
  std::uint64_t rows = 0;       // of the detections
  std::uint64_t unmatched = 0;  // rows at a time at which their sensor has no reading
  bool has_areas = false;
  bool has_threshold = false;
  bool is_best_threshold = false;   // for F1; otherwise it was given
  std::optional<double> threshold;  // none: nothing is flagged
  GroupedMeasures measures;
};

// Told what is being done, and how far it has come.
using Report = std::function<void(std::string_view what, std::uint64_t done)>;

struct ScoreOptions {
  std::optional<double> threshold;
  std::size_t longest_buffer = 100;
};

// Of what a file says. Reads it to its end.
Verdict score_detections(const Truth& truth, DetectionReader& detections, const ScoreOptions& options,
                         const Report& report);

// Of a detector of one line, over a truth with values.
Verdict score_baseline(const Truth& truth, const Baseline& baseline, const ScoreOptions& options,
                       const Report& report);

std::string verdict_text(const Verdict& verdict);
std::string verdict_json(const Verdict& verdict);

}  // namespace fleet_sim::score
