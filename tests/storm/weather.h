// What a storm's seed has chosen before its first process begins: the fleet, and a config for it. Plain
// values.
#pragma once

#include <cstdint>
#include <vector>

#include "config/config.h"
#include "identity/identity.h"
#include "storm/dice.h"

namespace fleet_sim::test {

identity::Roster draw_roster(Dice& dice);

// Readings per second of a config.
inline constexpr double slowest_rate = 0.3;

// Anomalies of any type: how often they begin, how long they last and how severe they are.
void draw_faults(Dice& dice, config::AnomalySettings& anomalies);
// Whether they are such.
bool are_of_any_type(const config::AnomalySettings& anomalies);

// What happens to the sensors meanwhile, and how their rows arrive.
void draw_disturbance(Dice& dice, config::Config& config);
// Whether anything is so.
bool is_disturbed(const config::Config& config);

// With its files in `folder`. The power fails only where SQLite promises to outlive that.
config::Config draw_config(Dice& dice, const std::string& folder);

// What one process of a storm meets.
struct Fortune {
  bool calm = false;  // nothing fails, and nobody else holds a lock
  bool dies = false;  // … instead of stopping; by the power when `power`
  bool power = false;
  bool while_stopping = false;
  std::uint64_t last_write = 0;  // the write at which it dies; 0: wherever it is at its end
  unsigned steps = 0;
  double reloads = 0;           // chance at each step
  double deletions = 0;         // of a file, likewise
  bool skips = false;           // readings, when no batch is free
  bool paced = false;           // has a clock to keep, and so does not wait for space on a full disk
  std::size_t batches = 0;      // in the pool
  std::size_t open_shards = 0;  // of each writer
};
Fortune draw_fortune(Dice& dice, const config::Config& config);

}  // namespace fleet_sim::test
