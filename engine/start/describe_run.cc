#include "start/describe_run.h"

#include <fmt/format.h>

#include <random>
#include <set>

#include "base/clock.h"
#include "base/json_writer.h"
#include "base/random.h"
#include "config/config_keys.h"
#include "config/load_config.h"
#include "model/profile.h"
#include "zones/zone_data.h"

namespace fleet_sim::start {
namespace {

// Short enough to be read aloud, and exact in every JSON reader.
std::uint64_t random_seed() {
  return std::random_device{}();
}

void write_spread(JsonWriter& json, const types::Schema& schema, const model::Profile& profile) {
  const model::Spread& spread = profile.spread->get();
  json.object(schema.type(), [&] {
    for (std::size_t c = 0; c < profile.channels.size(); ++c) {
      if (!profile.channels[c].is_gauge) continue;
      json.object(schema.channels()[c].name, [&] {
        json.member("mean", spread.mean(c));
        json.member("deviation", spread.deviation(c));
        json.key("sigma");
        json.begin('[');
        for (int e = model::Spread::shortest; e <= model::Spread::longest; ++e)
          json.value(spread.sigma(c, Microseconds{1} << e));
        json.end(']');
      });
    }
  });
}

}  // namespace

std::string spread_text(fleet::ProfileTable& profiles, std::span<const std::uint32_t> members) {
  const identity::Roster& roster = profiles.roster();
  std::set<const types::SensorType*> written;
  std::string text;
  JsonWriter json(text, JsonLayout::compact, JsonReals::plain);
  json.begin('{');
  for (const std::uint32_t member : members) {
    const types::SensorType& type = profiles.type_of(roster[member]);
    if (written.contains(&type)) continue;
    const model::Profile& profile = *profiles.find_or_resolve(roster[member]).profile;
    if (!model::draws_graded(profile)) continue;
    written.insert(&type);
    write_spread(json, type.schema, profile);
  }
  json.end('}');
  return written.empty() ? std::string() : text;
}

std::string setting_text(const config::Config& config, std::string_view key) {
  const config::ConfigKey* found = config::find_config_key(key);
  return found == nullptr ? std::string() : found->get(config);
}

std::string fleet_hash(const identity::Roster& roster, std::span<const std::uint32_t> members) {
  std::uint64_t sum = 0;
  for (const std::uint32_t member : members) sum += identity::hash_of(roster, roster[member]);
  return fmt::format("{:016x}", sum);
}

std::string readings_config_hash(const config::Config& config) {
  return fmt::format("{:016x}", hash_text(config::readings_config_text(config)));
}

tables::RunInfo describe_run(const config::Config& config, const identity::Roster& roster,
                             std::span<const std::uint32_t> members) {
  tables::RunInfo run;
  run.began_at = system_now();
  run.seed = config.simulation.seed.value_or(random_seed());
  run.run_id = fmt::format("{}-{:08x}", timestamp_text(run.began_at).substr(0, 19), std::random_device{}());
  run.version = FLEET_SIM_VERSION;
  run.fleet_size = members.size();
  run.partition = setting_text(config, "fleet.partition");
  run.shard_by = setting_text(config, "sharding.by");
  run.config = config::config_text(config);
  run.config_hash = readings_config_hash(config);
  run.fleet_hash = fleet_hash(roster, members);
  run.zone_data = zones::zone_data_version();
  return run;
}

log::LogSettings log_settings(const config::LoggingSettings& logging) {
  return {logging.level,          logging.file_bytes,
          logging.kept_files,     logging.format == config::LogFormat::json,
          logging.console_output, logging.quiet};
}

}  // namespace fleet_sim::start
