// What a run's scenario will do, worked out before it starts: which entries reach how many sensors when,
// which reach none, and which of them meet. `check` prints it. Goes through the whole scenario, but not
// beyond a number of moments, which takes some seconds. Main thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "start/inputs.h"
#include "timeline/plan.h"

namespace fleet_sim::preview {

// One wave of one turn of an entry.
struct ScenarioWave {
  Timestamp from = 0;
  Microseconds over = 0;    // sensors are reached from then on over this long; 0: all at once
  std::uint32_t entry = 0;  // in the plan
  std::uint64_t turn = 0;
  std::uint32_t wave = 0;
  std::uint64_t sensors = 0;  // reached
  std::uint64_t failed = 0;   // of these
  std::uint64_t met = 0;      // by the turn, which its waves share
};

// Sensors at which the second begins while the first lasts, and does the same.
struct ScenarioOverlap {
  std::uint32_t first = 0;
  std::uint32_t second = 0;
  std::uint64_t sensors = 0;
};

// Turns that are not shown one by one.
struct LaterTurns {
  std::uint64_t turns = 0;
  std::uint64_t sensors = 0;
};

struct ScenarioSummary {
  timeline::Plan plan;
  Timestamp start = 0;
  std::optional<Timestamp> end;           // of the run; none: it goes on until it is stopped
  Timestamp until = 0;                    // to where the summary goes
  bool is_cut = false;                    // because of its bound
  std::optional<std::uint64_t> seed;      // none: a random one, so that other sensors will be first
  std::uint64_t sensors = 0;              // of the process
  std::vector<ScenarioWave> waves;        // in the order of time
  std::vector<std::uint64_t> reached;     // by entry: sensors, one that several turns reach counted each time
  std::vector<std::uint64_t> met;         // by entry: sensors that its last turn met
  std::vector<LaterTurns> later;          // by entry
  std::vector<ScenarioOverlap> overlaps;  // by entry
  std::vector<std::string> notes;  // a line each: what reaches nothing, overlaps, ends early, or is unknown
};

inline constexpr std::uint64_t most_moments_summarized = 50'000'000;

// Throws InvalidInput for a scenario that no run could carry out (scenario_check.h). A new run would start at
// `now`.
ScenarioSummary summarize_scenario(const start::Inputs& inputs, Timestamp now,
                                   std::uint64_t most_moments = most_moments_summarized);

// One line for each entry, wave and turn, in the order of time, and the notes.
std::string timeline_text(const ScenarioSummary& summary);

// The same for programs, and of each entry how many sensors it reaches in all.
std::string timeline_json(const ScenarioSummary& summary);

// One line that says how much there is, and the notes.
std::string brief_text(const ScenarioSummary& summary);

}  // namespace fleet_sim::preview
