// The profiles that the sensors of a fleet share: one per distinct combination of what decides it, under one
// config. Sensors point into it, so a profile stays where it is as long as the table lives; identities that a
// reload brings add to it, and a reloaded config makes another. One thread at a time looks up.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string_view>
#include <tuple>

#include "base/cadence.h"
#include "config/config.h"
#include "identity/identity.h"
#include "model/profile.h"
#include "types/built_in_type.h"

namespace fleet_sim::fleet {

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

class ProfileTable {
 public:
  // Borrows the roster and the type.
  ProfileTable(const identity::Roster& roster, std::shared_ptr<const config::Config> config,
               const types::SensorType& type = types::built_in_type())
      : roster_(roster), config_(std::move(config)), type_(type) {}
  ProfileTable(const ProfileTable&) = delete;
  ProfileTable& operator=(const ProfileTable&) = delete;

  const model::Profile* find_or_resolve(const identity::Identity& identity);

  [[nodiscard]] const identity::Roster& roster() const { return roster_; }
  [[nodiscard]] const config::Config& config() const { return *config_; }
  [[nodiscard]] const types::SensorType& type() const { return type_; }

 private:
  using Key = std::tuple<identity::Text, identity::Text, identity::Text, std::string_view, std::uint32_t>;

  const identity::Roster& roster_;
  std::shared_ptr<const config::Config> config_;  // the keys of known_ point into its behaviors
  const types::SensorType& type_;
  std::map<Key, const model::Profile*> known_;
  std::deque<model::Profile> profiles_;  // a deque, because sensors point into it
};

}  // namespace fleet_sim::fleet
