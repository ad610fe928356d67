#include "app/explained_sensor.h"

#include "base/cadence.h"
#include "base/random.h"
#include "fleet/fleet.h"
#include "model/sensor.h"
#include "storage/shard_key.h"
#include "storage/shard_plan.h"

namespace fleet_sim {
namespace {

std::optional<std::string> file_of(const Config& config, const Roster& roster, const Identity& identity) {
  if (config.database.sink == Sink::null) return std::nullopt;
  return shard_path(config, shard_key(config.sharding, roster, identity));
}

}  // namespace

ExplainedSensor explain_sensor(const Config& config, const Roster& roster, std::uint32_t index) {
  const Identity& identity = roster[index];
  const Cadence cadence(rate_of(roster, identity, config));
  ExplainedSensor sensor{.config = config,
                         .id = identity.id,
                         .type = roster.text(identity.type),
                         .location = roster.text(identity.location),
                         .manufacturer = roster.text(identity.manufacturer),
                         .model = roster.text(identity.model),
                         .firmware_version = roster.text(identity.firmware_version),
                         .period = cadence.period(),
                         .phase = phase_of(hash_text(identity.id), cadence),
                         .first_due = std::nullopt,
                         .partition = partition_of(identity.id, config.fleet.partition.count),
                         .file = file_of(config, roster, identity),
                         .explanation = explain_profile(config, profile_source(roster, identity, config))};
  if (config.clock.start) sensor.first_due = *config.clock.start + sensor.phase;
  return sensor;
}

}  // namespace fleet_sim
