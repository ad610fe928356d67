// What a reload finds different between the identities that run and those the files hold now: sensors that
// are new, removed or changed. A sensor is its id, so a renamed or rewritten file changes nothing.
// Pure; any thread. Takes about 60 bytes a sensor while it compares.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "identity/identity.h"

namespace fleet_sim::identity {

struct IdentityChanges {
  struct Changed {
    std::uint32_t from;  // in the running roster
    std::uint32_t to;    // in the wanted one
  };

  std::vector<std::uint32_t> added;    // in the wanted roster
  std::vector<std::uint32_t> removed;  // in the running one
  std::vector<Changed> changed;

  [[nodiscard]] bool empty() const { return added.empty() && removed.empty() && changed.empty(); }
  [[nodiscard]] std::size_t new_identities() const { return added.size() + changed.size(); }
};

// Only the members of each roster take part.
IdentityChanges compare_identities(const Roster& running, std::span<const std::uint32_t> running_members,
                                   const Roster& wanted, std::span<const std::uint32_t> wanted_members);

// "2 added (A, B), 1 changed (C: firmware_version 1.3 -> 1.4), 1 removed (D)", with at most three of each.
std::string changes_text(const IdentityChanges& changes, const Roster& running, const Roster& wanted);

}  // namespace fleet_sim::identity
