// Whether a run fills its files sensor by sensor instead of second by second (schedule/scheduler.h), which
// opens each file once. While starting; pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "identity/identity.h"
#include "start/inputs.h"
#include "start/resumption.h"

namespace fleet_sim::start {

// Why it cannot; empty when it can.
[[nodiscard]] std::string why_not_by_sensor(const Inputs& inputs);

// What database.bulk asks for, where it can be done.
[[nodiscard]] inline bool fills_by_sensor(const Inputs& inputs) {
  return inputs.config.sqlite.bulk != config::Bulk::off && why_not_by_sensor(inputs).empty();
}

// The same for a run that is resumed, once its files have been read. InvalidInput if it cannot go on as it
// has to.
[[nodiscard]] bool fills_by_sensor(const Inputs& inputs, const Resumption& resumption);

// What log and page say of it.
inline constexpr std::string_view filling_by_sensor =
    "filling files sensor by sensor; a new file gets its name once it is whole, so a kill loses the files of "
    "the "
    "last seconds, which --resume makes again";
inline constexpr std::string_view no_changes_by_sensor =
    "the files are filled sensor by sensor, and a change would reach only sensors that are still to come; "
    "use "
    "database.bulk: off";

// The sensors that an earlier process of the run has read to the end, by their indices into the roster: their
// files are whole, and have been finished.
[[nodiscard]] std::vector<bool> whole_sensors(const Inputs& inputs, const identity::Roster& roster,
                                              const sqlite::ShardPlan& plan, const Resumption& resumption,
                                              Timestamp start, Timestamp end);

}  // namespace fleet_sim::start
