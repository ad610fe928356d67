#include "explain/explained_sensor.h"

#include "base/cadence.h"
#include "base/random.h"
#include "explain/clipping.h"
#include "fleet/fleet.h"
#include "model/sensor.h"
#include "sqlite/shard_plan.h"

namespace fleet_sim::explain {
namespace {

std::optional<std::string> file_of(const config::Config& config, const identity::Roster& roster,
                                   const identity::Identity& identity) {
  if (config.sink.address.sink != config::Sink::sqlite) return std::nullopt;
  return sqlite::shard_path(config, roster, identity);
}

}  // namespace

std::vector<std::pair<const config::ConfigKey*, const config::Origin*>> ExplainedSensor::set_keys() const {
  std::vector<std::pair<const config::ConfigKey*, const config::Origin*>> keys;
  for (const config::ConfigKey& key : config::config_keys()) {
    const auto found = origins.find(key.name);
    if (key.decides == config::Decides::readings && found != origins.end())
      keys.emplace_back(&key, &found->second);
  }
  return keys;
}

ExplainedSensor explain_sensor(const config::Config& config, const identity::Roster& roster,
                               std::uint32_t index, Timestamp now, const types::Catalog& types,
                               const config::Origins& origins,
                               const std::shared_ptr<const model::TypeSpread>& spread) {
  const identity::Identity& identity = roster[index];
  const types::SensorType& type = types[roster.text(identity.type)];
  model::ProfileSource source = fleet::profile_source(roster, identity, config, type);
  source.spread = spread;
  const Cadence cadence = fleet::cadence_of(roster, identity, config);
  ExplainedSensor sensor{.config = config,
                         .origins = origins,
                         .id = identity.id,
                         .type = roster.text(identity.type),
                         .location = roster.text(identity.location),
                         .manufacturer = roster.text(identity.manufacturer),
                         .model = roster.text(identity.model),
                         .firmware_version = roster.text(identity.firmware_version),
                         .period = cadence.period(),
                         .is_aligned = cadence.is_aligned(),
                         .phase = std::nullopt,
                         .first_due = std::nullopt,
                         .partition = fleet::partition_of(identity.id, config.fleet.partition.count),
                         .file = file_of(config, roster, identity),
                         .has_own_zone = !roster.overrides(identity).time_zone.empty(),
                         .now = now,
                         .explanation = model::explain_profile(config, source)};
  for (const model::ChannelProfile& channel : sensor.explanation.profile.channels) {
    sensor.clipped.push_back(clipped_share(sensor.explanation.profile, channel));
  }
  if (const auto place = origins.find("types." + std::string(sensor.type)); place != origins.end())
    sensor.declared_at = place->second.place;
  const auto& agings = sensor.explanation.profile.agings;
  if (agings && config.simulation.seed)
    sensor.intervals = agings->intervals(*config.simulation.seed, hash_text(identity.id), now);
  const Microseconds phase = model::phase_of(hash_text(identity.id), cadence);
  if (const auto& start = config.clock.start) sensor.first_due = cadence.origin(*start) + phase;
  if (sensor.first_due) sensor.phase = *sensor.first_due - *config.clock.start;
  if (!cadence.is_aligned()) sensor.phase = phase;
  return sensor;
}

}  // namespace fleet_sim::explain
