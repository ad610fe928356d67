#include "storm/weather.h"

#include <algorithm>
#include <string>
#include <utility>

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
  // Not drawn, so that a seed keeps its storm.
  config.sqlite.layout = config.sqlite.cache_kib == 64 ? config::Layout::wide : config::Layout::compact;
}

}  // namespace

identity::Roster draw_roster(Dice& dice) {
  identity::Roster roster;
  const std::uint64_t sensors = dice.chance(0.2) ? 1 : dice.between(2, 30);
  for (std::uint64_t i = 0; i < sensors; ++i) roster.add(draw_identity(dice, i));
  return roster;
}

// No config may have anomalies that are all over before the next reading.
constexpr double longest_period_seconds = 1 / slowest_rate;

void draw_faults(Dice& dice, config::AnomalySettings& anomalies) {
  using config::AnomalyBasis;
  anomalies.severity = dice.chance(0.6) ? config::AnomalySeverity::graded : config::AnomalySeverity::relative;
  anomalies.basis = dice.one_of(
      std::vector{AnomalyBasis::reading, AnomalyBasis::reading, AnomalyBasis::event, AnomalyBasis::rate});
  anomalies.probability = dice.real(0.01, 0.5);
  anomalies.per_day = dice.real(100, 20'000);
  anomalies.edge = dice.one_of(std::vector<double>{0, 0.25, 0.5});
  anomalies.keep_noise = dice.chance(0.5);
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    if (!is_drawn(static_cast<AnomalyType>(k))) continue;
    config::AnomalyTypeSettings& type = anomalies.types[k];
    type.weight = dice.chance(0.3) ? 0 : dice.real(0.1, 2);
    const double median = dice.real(0.5, 10);
    type.duration_seconds = DurationRange(median);
    if (dice.chance(0.6))
      type.duration_seconds = DurationRange(median, median * dice.real(0.1, 1),
                                            std::max(median * dice.real(1, 8), longest_period_seconds));
    if (!anomaly_types[k].severity) continue;
    const Range& usual = anomaly_types[k].severity->range;
    const double one = dice.real(usual.min, usual.max);
    type.severity = dice.chance(0.3) ? Range{one, one} : Range{one, dice.real(one, usual.max)};
  }
}

bool are_of_any_type(const config::AnomalySettings& anomalies) {
  const auto is_asked_for = [&](std::size_t k) {
    return anomalies.types[k].weight > 0 && anomaly_types[k].weight == 0;
  };
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    if (is_asked_for(k)) return true;
  }
  return false;
}

namespace {

constexpr Microseconds second = microseconds_per_second;

Microseconds draw_span(Dice& dice, std::uint64_t most_seconds) {
  return static_cast<Microseconds>(dice.between(100, most_seconds * 1'000)) * (second / 1'000);
}

double draw_share(Dice& dice, std::uint64_t most_percent) {
  return static_cast<double>(dice.between(1, most_percent)) / 100;
}

scenario::Delivery draw_delivery(Dice& dice) {
  scenario::Delivery how;
  if (dice.chance(0.5)) how.drop = draw_share(dice, 30);
  if (dice.chance(0.6)) how.late = {draw_share(dice, 60), draw_span(dice, dice.chance(0.5) ? 2 : 15)};
  if (dice.chance(0.5)) how.duplicate = draw_share(dice, 30);
  if (dice.chance(0.5)) how.jitter = draw_span(dice, 3);
  return how;
}

// Where a firmware or a location decides about files, no sensor gets another one.
scenario::Set draw_set(Dice& dice, config::ShardKey key) {
  scenario::Set set;
  set.model = dice.one_of(std::vector<std::string>{"Old", "TempVibe-1000"});
  if (key != config::ShardKey::firmware)
    set.firmware_version = dice.one_of(std::vector<std::string>{"1.3", "1.4", "2"});
  if (key != config::ShardKey::location && dice.chance(0.3)) set.location = "Elsewhere";
  return set;
}

scenario::Verb draw_verb(Dice& dice, config::ShardKey key) {
  switch (dice.between(0, 9)) {
    case 0:
      return draw_set(dice, key);
    case 1:
      return scenario::Silence{};
    case 2:
      return scenario::Add{{{"temperature", dice.real(-9, 9)}, {"voltage", dice.real(-1, 1)}}};
    case 3:
      return scenario::Reset{{"spike", "trend", "noise", "missing_data", "stuck", "drift"}};
    case 4:
      return scenario::Fault{
          dice.one_of(std::vector{AnomalyType::trend, AnomalyType::missing_data, AnomalyType::stuck}),
          {},
          {}};
    case 5:
      return scenario::Join{};
    case 6:
      return scenario::Leave{};
    default: {
      const scenario::Delivery drawn = draw_delivery(dice);
      scenario::Deliver how;
      if (drawn.drop > 0 || drawn.late.share > 0) how.drop = drawn.drop;  // 0 switches it off meanwhile
      if (drawn.late.share > 0) how.late = drawn.late;
      if (drawn.duplicate > 0) how.duplicate = drawn.duplicate;
      if (drawn.jitter > 0 || drawn.duplicate > 0) how.jitter = drawn.jitter;
      how.hold = dice.chance(0.7) || how == scenario::Deliver{};  // an entry has to change something
      const auto drain = dice.one_of(std::vector<std::uint64_t>{1, 3, 20});
      if (how.hold) how.drain = drain;
      return how;
    }
  }
}

scenario::Entry draw_entry(Dice& dice, std::size_t number, config::ShardKey key) {
  scenario::Entry entry;
  entry.name = "entry " + std::to_string(number);
  entry.at = {true, draw_span(dice, 40)};
  entry.where.id = dice.one_of(std::vector<std::string>{"", "", "s1*", "s?", "s*[!3]", "s2"});
  if (dice.chance(0.2)) entry.where.firmware_version = "1.*";
  if (dice.chance(0.5)) entry.spread = draw_span(dice, 10);
  if (dice.chance(0.3)) entry.waves = {{0, 0.3}, {5 * second, 0.8}};
  entry.verb = draw_verb(dice, key);
  const bool lasts = std::holds_alternative<scenario::Silence>(entry.verb) ||
                     std::holds_alternative<scenario::Add>(entry.verb) ||
                     std::holds_alternative<scenario::Fault>(entry.verb) ||
                     std::holds_alternative<scenario::Deliver>(entry.verb);
  if (lasts && dice.chance(0.9)) entry.duration = draw_span(dice, 20);
  if (std::holds_alternative<scenario::Set>(entry.verb) && dice.chance(0.5)) {
    entry.silent_for = draw_span(dice, 3);
    entry.fails = 0.3;
  }
  return entry;
}

}  // namespace

void draw_disturbance(Dice& dice, config::Config& config) {
  if (dice.chance(0.7)) config.delivery = draw_delivery(dice);
  for (std::uint64_t entries = dice.between(0, 8); entries > 0; --entries)
    config.scenario.push_back(draw_entry(dice, config.scenario.size(), config.sharding.key));
}

bool is_disturbed(const config::Config& config) {
  return config::delivers(config) || !config.scenario.empty();
}

config::Config draw_config(Dice& dice, const std::string& folder) {
  config::Config config;
  config.sharding = draw_sharding(dice);
  draw_database(dice, config);
  config.sqlite.data_dir = folder;
  config.anomalies.enabled = dice.chance(0.8);
  config.anomalies.probability = dice.real(0.01, 0.5);
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    if (anomaly_types[k].weight > 0) config.anomalies.types[k].duration_seconds = dice.real(0.5, 10);
  }
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
