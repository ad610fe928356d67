#include "start/filling.h"

#include "base/random.h"
#include "fleet/profile_table.h"
#include "history/history.h"
#include "model/sensor.h"
#include "start/sinks.h"
#include "tables/database.h"

namespace fleet_sim::start {
namespace {

// A scenario is kept for each cohort by itself: what its entries take of a sensor, times these.
constexpr std::size_t most_entries_of_all = 2'000'000;

constexpr std::string_view was_changed = "the run to resume was changed on the way";

}  // namespace

std::string why_not_by_sensor(const Inputs& inputs) {
  const config::Config& config = inputs.config;
  if (!sink_of(config).keeps_files) return "the sink keeps no files of its own";
  if (config.sharding.key != config::ShardKey::sensor)
    return "several sensors share a file; use --shard-by sensor";
  if (!config.clock.speed.max) return "readings keep pace with the clock; use --speed max";
  if (config.simulation.count > 0) return "--count ends at a moment of all sensors; use --duration";
  if (config.simulation.run_time_seconds == 0) return "the run has no end; use --duration";
  if (config.sqlite.retention.is_on()) return "database.retention deletes rows while others come";
  if (config.scenario.size() * inputs.members.size() > most_entries_of_all)
    return "the scenario has too many entries for so many sensors";
  if (inputs.differs_from_record || (inputs.history && !inputs.history->reloads().empty()))
    return std::string(was_changed);
  return {};
}

bool fills_by_sensor(const Inputs& inputs, const Resumption& resumption) {
  if (!fills_by_sensor(inputs)) return false;
  if (resumption.injections.empty()) return true;
  if (inputs.config.sqlite.bulk == config::Bulk::on)
    throw InvalidInput("database.bulk: on is not possible: " + std::string(was_changed));
  return false;
}

// A file that was filled without a name keeps no log; nor does one that a run has ended in good order. So
// what is known of a sensor's anomalies is there too, if its last reading is.
std::vector<bool> whole_sensors(const Inputs& inputs, const identity::Roster& roster,
                                const sqlite::ShardPlan& plan, const Resumption& resumption, Timestamp start,
                                Timestamp end) {
  std::vector<bool> whole(roster.size());
  if (resumption.found.empty() || config::delivers(inputs.config)) return whole;
  for (const std::uint32_t member : inputs.members) {
    const write::Place place = plan.place_of[member];
    const write::FoundRows& rows = resumption.found[place.writer][place.shard]->rows();
    const Cadence cadence = fleet::cadence_of(roster, roster[member], inputs.config);
    const Timestamp first = cadence.origin(start) + model::phase_of(hash_text(roster[member].id), cadence);
    const std::uint64_t due = cadence.count_before(end - first);
    whole[member] = due > 0 && rows.has_reading(member, first + cadence.offset(due - 1)) &&
                    tables::is_finished_file(plan.targets[place.writer][place.shard].name);
  }
  return whole;
}

}  // namespace fleet_sim::start
