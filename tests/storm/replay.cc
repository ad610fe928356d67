#include "storm/replay.h"

#include <vector>

#include "fleet/fleet.h"

namespace fleet_sim::test {
namespace {

Roster reversed(const Roster& roster) {
  Roster other;
  for (std::size_t i = roster.size(); i-- > 0;) {
    const Identity& identity = roster[i];
    const auto text = [&roster](Text handle) { return std::string(roster.text(handle)); };
    other.add({std::string(identity.id), text(identity.type), text(identity.location),
               text(identity.manufacturer), text(identity.model), text(identity.firmware_version),
               roster.overrides(identity)});
  }
  return other;
}

void add(const Batch& batch, const Roster& roster, Replay& replay) {
  for (const Reading& reading : batch.readings) {
    replay.readings.emplace(SensorTime(roster[reading.sensor].id, reading.due), reading);
  }
  for (const AnomalyEvent& event : batch.events) {
    replay.events.insert_or_assign(SensorTime(roster[event.sensor].id, event.started_at), event);
  }
}

}  // namespace

Replay replay(const Config& config, const Roster& roster, const RunInfo& run, Timestamp until) {
  const Roster other = reversed(roster);
  std::vector<std::uint32_t> members(other.size());
  for (std::uint32_t i = 0; i < members.size(); ++i) members[i] = i;
  Fleet fleet =
      build_fleet(other, members, std::vector<std::uint32_t>(members.size(), 0), config, run.seed, run.start);
  Replay replay;
  Batch batch;
  for (Cohort& cohort : fleet.cohorts()) {
    while (cohort.next_due() < until) {
      cohort.tick(until, batch);
      add(batch, other, replay);
      batch.clear();
    }
    cohort.report_open_anomalies(batch);
    add(batch, other, replay);
    batch.clear();
  }
  return replay;
}

}  // namespace fleet_sim::test
