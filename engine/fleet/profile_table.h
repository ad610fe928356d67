// The profiles that the sensors of a fleet share: one per distinct combination of what decides it, under one
// config. Sensors point into it, so a profile stays where it is as long as the table lives; identities that a
// reload brings add to it, and a reloaded config makes another. Made by the thread that adds to the roster;
// afterward any thread looks up, under a lock.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/cadence.h"
#include "config/config.h"
#include "identity/identity.h"
#include "model/profile.h"
#include "model/sensor.h"
#include "types/catalog.h"

namespace fleet_sim::fleet {

// The types of sensor under a config: those that it declares and the built-in one or, where it declares none,
// `otherwise`.
std::shared_ptr<const types::Catalog> types_under(const config::Config& config,
                                                  std::shared_ptr<const types::Catalog> otherwise);

// The rate of one sensor: its own, or the config's.
Rate rate_of(const identity::Roster& roster, const identity::Identity& identity,
             const config::Config& config);

// When it is due.
Cadence cadence_of(const identity::Roster& roster, const identity::Identity& identity,
                   const config::Config& config);

// The type's normal parameters with the sensor's own in their place.
types::NormalParameters merged_parameters(const config::Config& config, const types::SensorType& type,
                                          const identity::IdentityOverrides& own);

// What the profile of one sensor is resolved from. Borrows the roster and the type.
model::ProfileSource profile_source(const identity::Roster& roster, const identity::Identity& identity,
                                    const config::Config& config,
                                    const types::SensorType& type = types::built_in_type());

// Has the roster know the names that events give of what the types declare, so that an event is small. Before
// profiles are made.
void note_names(identity::Roster& roster, const types::Catalog& types);

class ProfileTable {
 public:
  // Borrows the roster. `seed` is the run's.
  ProfileTable(const identity::Roster& roster, std::shared_ptr<const config::Config> config,
               std::shared_ptr<const types::Catalog> types = types::built_in_types(), std::uint64_t seed = 0);
  ProfileTable(const ProfileTable&) = delete;
  ProfileTable& operator=(const ProfileTable&) = delete;

  // What the sensors of this identity are made with.
  struct Entry {
    const model::Profile* profile = nullptr;
    const model::SharedKeys* shared = nullptr;
  };
  Entry find_or_resolve(const identity::Identity& identity);

  [[nodiscard]] const identity::Roster& roster() const { return roster_; }
  [[nodiscard]] const config::Config& config() const { return *config_; }
  [[nodiscard]] const std::shared_ptr<const types::Catalog>& types() const { return types_; }
  [[nodiscard]] std::uint64_t seed() const { return seed_; }  // of the run
  [[nodiscard]] const types::SensorType& type_of(const identity::Identity& identity) const {
    return (*types_)[roster_.text(identity.type)];
  }

 private:
  using Key = std::tuple<identity::Text, identity::Text, identity::Text, identity::Text, std::string_view,
                         std::uint32_t>;
  using Place = std::pair<identity::Text, identity::Text>;  // a type and a location

  const std::shared_ptr<const model::TypeSpread>& spread_of(const types::SensorType& type);
  const model::SharedKeys* shared_keys(const identity::Identity& identity, const sources::Signal& signal);

  const identity::Roster& roster_;
  std::shared_ptr<const config::Config> config_;  // the keys of known_ point into its behaviors
  std::shared_ptr<const types::Catalog> types_;
  std::uint64_t seed_;
  std::map<const types::SensorType*, std::vector<std::uint32_t>> aging_names_;
  std::mutex mutex_;  // of what follows
  std::map<Key, const model::Profile*> known_;
  std::deque<model::Profile> profiles_;        // a deque, because sensors point into it
  std::map<Place, model::SharedKeys> shared_;  // and into this
  std::map<const types::SensorType*, std::shared_ptr<const model::TypeSpread>> spreads_;
};

}  // namespace fleet_sim::fleet
