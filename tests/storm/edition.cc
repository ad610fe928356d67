#include "storm/edition.h"

#include <set>
#include <string>

#include "storm/weather.h"

namespace fleet_sim::test {
namespace {

using Texts = std::vector<std::string>;
using Rates = std::vector<double>;

constexpr std::uint64_t most_ids = 40;

void change_config(Dice& dice, config::Config& config) {
  switch (dice.between(0, are_of_any_type(config.anomalies) ? 7 : 5)) {
    case 0:
      config.simulation.rate = dice.one_of(std::vector<Rate>{slowest_rate, 1, 2, 5, Rate::every(700'001)});
      config.simulation.phase = dice.one_of(std::vector<Phase>{Phase::staggered, Phase::aligned});
      break;
    case 1:
      config.anomalies.probability = dice.real(0.01, 0.5);
      break;
    case 2:
      config.anomalies.enabled = !config.anomalies.enabled;
      break;
    case 3:
      config.anomalies.pattern_period_seconds = dice.real(1, 60);
      break;
    case 4:
      config.normal_parameters[0].mean = dice.real(52, 78);
      for (auto& [name, type] : config.types)
        std::get<types::Gauge>(type.signal.channels[0].kind).base = config.normal_parameters[0].mean;
      break;
    case 5: {
      config::Behavior& behavior = config.behaviors.firmware[dice.one_of(Texts{"1.3", "1.4", "2"})];
      behavior.probability = dice.real(0.1, 2);
      behavior.noise_factor = dice.real(0.05, 0.3);
      break;
    }
    case 6:
      draw_faults(dice, config.anomalies);
      break;
    case 7: {
      config::Behavior& behavior = config.behaviors.firmware[dice.one_of(Texts{"1.3", "1.4", "2"})];
      behavior.severity = dice.real(0.5, 2);
      behavior.weights[dice.between(0, index_of(AnomalyType::dropout))] = dice.real(0, 3);
    }
  }
}

// The member as it is from now on. What turns out to say the same stays who it is.
std::uint32_t changed(Dice& dice, identity::Roster& roster, std::uint32_t member) {
  identity::IdentityRecord record = roster.record(roster[member]);
  const identity::IdentityRecord other = draw_identity(dice, 0);
  if (dice.chance(0.5)) record.location = other.location;
  if (dice.chance(0.5)) record.firmware_version = other.firmware_version;
  if (dice.chance(0.5)) record.overrides = other.overrides;
  const std::uint32_t added = roster.add(record);
  return identity::hash_of(roster, roster[added]) == identity::hash_of(roster, roster[member]) ? member
                                                                                               : added;
}

void change_members(Dice& dice, identity::Roster& roster, std::vector<std::uint32_t>& members) {
  std::vector<std::uint32_t> kept;
  std::set<std::string, std::less<>> ids;
  const double leaving = dice.one_of(Rates{0, 0.1, 0.5});
  const double changing = dice.one_of(Rates{0, 0.2, 1});
  for (const std::uint32_t member : members) {
    ids.emplace(roster[member].id);
    if (dice.chance(leaving)) continue;
    kept.push_back(dice.chance(changing) ? changed(dice, roster, member) : member);
  }
  for (std::uint64_t coming = kept.empty() ? 1 : dice.between(0, 3); coming > 0;) {
    const identity::IdentityRecord record = draw_identity(dice, dice.between(0, most_ids));
    if (!ids.insert(record.id).second) continue;
    kept.push_back(roster.add(record));
    --coming;
  }
  members = kept;
}

}  // namespace

identity::IdentityRecord draw_identity(Dice& dice, std::uint64_t number) {
  identity::IdentityRecord record;
  record.id = "s" + std::to_string(number);
  record.location = dice.one_of(Texts{"Factory A - Line 1", "Factory A - Line 2", "Warehouse ü", "Outdoor"});
  record.firmware_version = dice.one_of(Texts{"1.3", "1.4", "2"});
  if (dice.chance(0.5))
    record.overrides.rate = dice.one_of(std::vector<Rate>{0.3, 1, 2, 7, 20, Rate::every(90'001)});
  return record;
}

Edition draw_reload(Dice& dice, identity::Roster& roster, const Edition& now) {
  Edition next = now;
  if (dice.chance(0.4)) {
    config::Config config = *now.config;
    change_config(dice, config);
    next.config = std::make_shared<const config::Config>(config);
  } else {
    change_members(dice, roster, next.members);
  }
  return next;
}

}  // namespace fleet_sim::test
