// Carries a run out again, without writers and as fast as it goes, and notes of each sensor which readings
// have a row and which anomalies it is in (track.h). Uses all threads of the arena. Throws InvalidInput where
// the record of the run cannot be followed, and std::runtime_error where the run cannot be made again.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "audit/track.h"
#include "fleet/cohort.h"
#include "history/rebuilt_run.h"
#include "history/run_part.h"

namespace fleet_sim::audit {

// Told now and then, by any thread: how many readings have been made.
using WalkProgress = std::function<void(std::uint64_t readings)>;

// Sets up the tracks of the part's sensors, behind those that are there. Index k of the result is the track
// of the sensor whose number in the life table is k.
std::vector<Track> begin_tracks(const history::RunPart& part, std::uint32_t number,
                                const history::RebuiltRun& run);

// What the run made of its readings, in total.
fleet::Tally walk(const history::RunPart& part, const history::RebuiltRun& run, std::vector<Track>& tracks,
                  const WalkProgress& progress);

}  // namespace fleet_sim::audit
