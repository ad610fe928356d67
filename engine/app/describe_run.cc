#include "app/describe_run.h"

#include <fmt/format.h>

#include <random>

#include "base/clock.h"
#include "base/random.h"
#include "config/config_keys.h"
#include "config/load_config.h"

namespace fleet_sim {
namespace {

// Short enough to be read aloud, and exact in every JSON reader.
std::uint64_t random_seed() {
  return std::random_device{}();
}

}  // namespace

std::string setting_text(const Config& config, std::string_view key) {
  const ConfigKey* found = find_config_key(key);
  return found == nullptr ? std::string() : found->get(config);
}

RunInfo describe_run(const Config& config, std::size_t fleet_size) {
  RunInfo run;
  run.began_at = system_now();
  run.seed = config.simulation.seed.value_or(random_seed());
  run.run_id = fmt::format("{}-{:08x}", timestamp_text(run.began_at).substr(0, 19), std::random_device{}());
  run.version = FLEET_SIM_VERSION;
  run.fleet_size = fleet_size;
  run.partition = setting_text(config, "fleet.partition");
  run.shard_by = setting_text(config, "sharding.by");
  run.config = config_text(config);
  run.config_hash = fmt::format("{:016x}", hash_text(run.config));
  return run;
}

}  // namespace fleet_sim
