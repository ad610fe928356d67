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
#include "score/threshold.h"
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
  std::vector<CurvePoint> curve;  // of precision and recall, if it was asked for and there are scores
};

// Told what is being done, and how far it has come.
using Report = std::function<void(std::string_view what, std::uint64_t done)>;

struct ScoreOptions {
  std::optional<double> threshold;
  std::size_t longest_buffer = 100;
  bool with_curve = false;
};

// Of what a file says. Reads it to its end.
Verdict score_detections(const Truth& truth, DetectionReader& detections, const ScoreOptions& options,
                         const Report& report);

// Of a detector of one line, over a truth with values.
Verdict score_baseline(const Truth& truth, const Baseline& baseline, const ScoreOptions& options,
                       const Report& report);

std::string verdict_text(const Verdict& verdict);
std::string verdict_json(const Verdict& verdict);

// A page with pictures, which needs nothing else. Names are cut, and so are long lists of groups.
std::string verdict_html(const Verdict& verdict);

// Every such page begins with these bytes, and nothing else does.
inline constexpr std::string_view score_page_head =
    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
    "<meta name=\"generator\" content=\"fleet-sim score\">\n";

// What follows these bytes, with a place for the data; embedded at build time.
extern const std::string_view score_page;

}  // namespace fleet_sim::score
