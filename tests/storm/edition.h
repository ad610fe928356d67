// A fleet and its config as they are from some moment of a run on, until a reload makes them others. Plain
// values; the roster they point into only grows.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/timestamp.h"
#include "config/config.h"
#include "identity/identity.h"
#include "storm/dice.h"

namespace fleet_sim::test {

struct Edition {
  Timestamp from = 0;  // of the first readings that may be made under it
  std::shared_ptr<const config::Config> config;
  std::vector<std::uint32_t> members;  // indices into the roster
};

// Identities of a storm's fleet; what a former sensor was called may come back.
identity::IdentityRecord draw_identity(Dice& dice, std::uint64_t number);

// What may become of it by one reload: another config, or other identities, which are added to the roster.
Edition draw_reload(Dice& dice, identity::Roster& roster, const Edition& now);

}  // namespace fleet_sim::test
