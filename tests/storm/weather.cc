#include "storm/weather.h"

#include "storm/edition.h"

namespace fleet_sim::test {
namespace {

config::ShardBy draw_sharding(Dice& dice) {
  const auto key =
      dice.one_of(std::vector{config::ShardKey::none, config::ShardKey::sensor, config::ShardKey::location,
                              config::ShardKey::firmware, config::ShardKey::hash});
  return {key, key == config::ShardKey::hash ? static_cast<std::uint32_t>(dice.between(1, 5)) : 0};
}

void draw_database(Dice& dice, config::Config& config) {
  using Numbers = std::vector<std::uint32_t>;
  config.write.writers = static_cast<std::uint32_t>(dice.between(1, 3));
  config.write.batch_size = dice.one_of(Numbers{1, 7, 33, 100, 1'000});
  config.write.flush_interval_ms = dice.one_of(Numbers{1, 50, 300, 1'000, 2'500});
  config.write.pending_rows = dice.one_of(Numbers{30, 300, 3'000, 100'000});
  config.sqlite.synchronous = dice.one_of(std::vector{config::Synchronous::off, config::Synchronous::normal,
                                                      config::Synchronous::normal, config::Synchronous::full,
                                                      config::Synchronous::full});
  config.sqlite.page_size = dice.one_of(Numbers{1'024, 4'096, 16'384});
  config.sqlite.cache_kib = dice.one_of(Numbers{8, 64, 256});
  config.sqlite.checkpoint_pages = dice.one_of(Numbers{1, 8, 50, 1'000});
  config.sqlite.busy_timeout_ms = dice.one_of(Numbers{0, 200, 5'000});
  config.sqlite.unsynced_index = dice.chance(0.7);
  config.write.error_limit = dice.chance(0.2) ? 3 : 1'000;
}

}  // namespace

identity::Roster draw_roster(Dice& dice) {
  identity::Roster roster;
  const std::uint64_t sensors = dice.chance(0.2) ? 1 : dice.between(2, 30);
  for (std::uint64_t i = 0; i < sensors; ++i) roster.add(draw_identity(dice, i));
  return roster;
}

config::Config draw_config(Dice& dice, const std::string& folder) {
  config::Config config;
  config.sharding = draw_sharding(dice);
  draw_database(dice, config);
  config.sqlite.data_dir = folder;
  config.anomalies.enabled = dice.chance(0.8);
  config.anomalies.probability = dice.real(0.01, 0.5);
  for (config::AnomalyTypeSettings& type : config.anomalies.types) type.duration_seconds = dice.real(0.5, 10);
  return config;
}

Fortune draw_fortune(Dice& dice, const config::Config& config) {
  Fortune fortune;
  fortune.calm = dice.chance(0.3);
  fortune.dies = dice.chance(0.5);
  fortune.power = config.sqlite.synchronous != config::Synchronous::off && dice.chance(0.5);
  fortune.while_stopping = dice.chance(0.4);
  fortune.last_write = dice.chance(0.7) ? dice.between(1, fortune.while_stopping ? 40 : 400) : 0;
  fortune.steps = static_cast<unsigned>(dice.between(1, 60));
  fortune.reloads = dice.one_of(std::vector<double>{0, 0, 0.03, 0.2});
  fortune.deletions = dice.one_of(std::vector<double>{0, 0, 0, 0.05});
  fortune.skips = dice.chance(0.2);
  fortune.batches = config.write.writers + dice.between(1, 12);
  fortune.open_shards = dice.between(1, 8);
  return fortune;
}

}  // namespace fleet_sim::test
